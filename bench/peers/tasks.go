// SPDX-License-Identifier: BSD-2-Clause

// bench/peers/tasks.go  Goroutines beside bench/core_tasks.c: the same slopes, the same lines as turns.h prints.
//
// switch   one way: half of what a runtime.Gosched costs
// create   a go statement, the function, its end, seen by a WaitGroup
//
// Try:  go run tasks.go switch 51
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"time"
)

const (
	few    = 8
	many   = 56
	passes = 400
)

var ended int

func yieldingPass(count int) float64 {
	var done sync.WaitGroup
	done.Add(count)
	stop := false // one thread runs everything
	for i := 0; i < count; i++ {
		go func() {
			for !stop {
				runtime.Gosched()
			}
			done.Done()
		}()
	}
	runtime.Gosched()
	since := time.Now()
	for i := 0; i < passes; i++ {
		runtime.Gosched()
	}
	took := time.Since(since)
	stop = true
	done.Wait()
	return float64(took.Nanoseconds()) / passes
}

func makingPass(count int) float64 {
	var done sync.WaitGroup
	since := time.Now()
	for pass := 0; pass < passes; pass++ {
		done.Add(count)
		for i := 0; i < count; i++ {
			go func() {
				ended++
				done.Done()
			}()
		}
		done.Wait()
	}
	return float64(time.Since(since).Nanoseconds()) / passes
}

func main() {
	turns := 0
	if len(os.Args) == 3 {
		turns, _ = strconv.Atoi(os.Args[2])
	}
	if turns < 1 || turns > 1000 || (os.Args[1] != "switch" && os.Args[1] != "create") {
		fmt.Fprintln(os.Stderr, "usage: tasks switch|create TURNS")
		os.Exit(2)
	}
	runtime.GOMAXPROCS(1)
	ns := make([]float64, 0, turns)
	for turn := -1; turn < turns; turn++ {
		pass, ways := makingPass, 1.0
		if os.Args[1] == "switch" {
			pass, ways = yieldingPass, 2.0
		}
		one := (pass(many) - pass(few)) / (many - few) / ways
		if turn >= 0 {
			ns = append(ns, one)
		}
	}
	fmt.Printf("{\"row\": \"%s\", \"side\": \"goroutine\", \"unit\": \"ns\", \"turns\": [", os.Args[1])
	for i, one := range ns {
		if i > 0 {
			fmt.Print(", ")
		}
		fmt.Printf("%.3f", one)
	}
	sort.Float64s(ns)
	fmt.Printf("], \"median\": %.3f, \"smallest\": %.3f, \"largest\": %.3f}\n", ns[len(ns)/2], ns[0], ns[len(ns)-1])
}
