// SPDX-License-Identifier: BSD-2-Clause
//
// bench/peers/tokio/echo_tokio.rs  Lines said back on tokio: a task for each connection, the runtime of one thread.
//
// BufReader with its default of 8 KiB, and one vector for the lines of a connection. With "bytes" whatever came is sent back.
//
// Try:  echo_tokio 7000
use std::io::{Error, ErrorKind, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const LINE_MAX: u64 = 64 * 1024; // a longer line ends the connection
const BULK_MAX: usize = 256 * 1024;

async fn say_lines(mut conn: TcpStream) -> Result<()> {
    let (reading, mut out) = conn.split();
    let mut reader = BufReader::new(reading);
    let mut line = Vec::new();
    while (&mut reader).take(LINE_MAX).read_until(b'\n', &mut line).await? > 0 {
        if line.last() != Some(&b'\n') {
            return Err(Error::from(ErrorKind::InvalidData));
        }
        out.write_all(&line).await?;
        line.clear();
    }
    Ok(())
}

async fn say_bytes(mut conn: TcpStream) -> Result<()> {
    let mut bytes = vec![0; BULK_MAX];
    loop {
        let n = conn.read(&mut bytes).await?;
        if n == 0 {
            return Ok(());
        }
        conn.write_all(&bytes[..n]).await?;
    }
}

async fn serve(listener: TcpListener, by_bytes: bool) -> Result<()> {
    loop {
        let (conn, _) = listener.accept().await?;
        conn.set_nodelay(true)?;
        if by_bytes {
            tokio::spawn(say_bytes(conn));
        } else {
            tokio::spawn(say_lines(conn));
        }
    }
}

// Kernel buffers are those of the listening socket, which connections inherit; 0: as it likes.
fn listen(here: &str, buffers: u32) -> Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    if buffers > 0 {
        socket.set_send_buffer_size(buffers)?;
        socket.set_recv_buffer_size(buffers)?;
    }
    socket.bind(here.parse().map_err(|_| Error::from(ErrorKind::InvalidInput))?)?;
    socket.listen(4096)
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let word = |i: usize, default: &str| args.get(i).cloned().unwrap_or_else(|| default.to_string());
    let here = word(2, "127.0.0.1") + ":" + &word(1, "7000");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let buffers = word(4, "0").parse().unwrap_or(0);
    runtime.block_on(async { serve(listen(&here, buffers)?, word(3, "lines") == "bytes").await })
}
