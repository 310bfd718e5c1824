// SPDX-License-Identifier: BSD-2-Clause
//
// bench/peers/echo_go.go  Lines said back in Go: a goroutine for each connection, bufio, GOMAXPROCS=1 unless it is set.
//
// A line is at most bufio's 4 KiB: ReadSlice hands it out of the buffer, where ReadBytes would allocate for each. Answers gather
// while another whole line is there already. With "bytes" it is io.Copy, which lets the kernel splice.
//
// Try:  echo_go 7000
package main

import (
	"bufio"
	"bytes"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"strconv"
)

var buffers int // of the kernel, for each direction; 0: as it likes

func sayLines(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	out := bufio.NewWriter(conn)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		out.Write(line)
		more, _ := in.Peek(in.Buffered())
		if bytes.IndexByte(more, '\n') < 0 && out.Flush() != nil {
			return
		}
	}
}

func sayBytes(conn net.Conn) {
	defer conn.Close()
	if buffers > 0 {
		conn.(*net.TCPConn).SetReadBuffer(buffers)
		conn.(*net.TCPConn).SetWriteBuffer(buffers)
	}
	io.Copy(conn, conn)
}

func main() {
	port, host, serve := "7000", "127.0.0.1", sayLines
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	if len(os.Args) > 2 {
		host = os.Args[2]
	}
	if len(os.Args) > 3 && os.Args[3] == "bytes" {
		serve = sayBytes
	}
	if len(os.Args) > 4 {
		buffers, _ = strconv.Atoi(os.Args[4])
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	listener, err := net.Listen("tcp4", net.JoinHostPort(host, port)) // its backlog is somaxconn, TCP_NODELAY its default
	if err != nil {
		log.Fatal("echo_go: ", err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal("echo_go: ", err)
		}
		go serve(conn)
	}
}
