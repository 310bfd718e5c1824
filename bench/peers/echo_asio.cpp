// SPDX-License-Identifier: BSD-2-Clause
//
// bench/peers/echo_asio.cpp  Lines said back on Boost.Asio: a C++20 coroutine for each connection, one io_context, one thread.
//
// A read that finds more than one line leaves the rest in the string, where the next one looks first. With "bytes" whatever came
// is sent back. Threads are compiled out of Asio (BOOST_ASIO_DISABLE_THREADS), so that it takes no locks.
//
// Try:  echo_asio 7000
#include <utility>              // Boost 1.74's awaitable.hpp uses std::exchange without saying so

#include <boost/asio.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::use_awaitable;

constexpr std::size_t line_max = 64 * 1024; // a longer line ends the connection
constexpr std::size_t bulk_max = 256 * 1024;
static bool by_bytes;
static int buffers;             // of the kernel, for each direction; 0: as it likes

static asio::awaitable<void> say_lines(tcp::socket &socket)
{
    std::string in;

    for (;;) {
        std::size_t n = co_await asio::async_read_until(socket, asio::dynamic_buffer(in, line_max), '\n', use_awaitable);
        co_await asio::async_write(socket, asio::buffer(in.data(), n), use_awaitable);
        in.erase(0, n);
    }
}

static asio::awaitable<void> say_bytes(tcp::socket &socket)
{
    std::vector<char> in(bulk_max);

    for (;;) {
        std::size_t n = co_await socket.async_read_some(asio::buffer(in), use_awaitable);
        co_await asio::async_write(socket, asio::buffer(in.data(), n), use_awaitable);
    }
}

static asio::awaitable<void> serve(tcp::socket socket)
{
    try {
        socket.set_option(tcp::no_delay(true));
        if (buffers > 0) {
            socket.set_option(tcp::socket::send_buffer_size(buffers));
            socket.set_option(tcp::socket::receive_buffer_size(buffers));
        }
        if (by_bytes)               // no "?:" and no co_await among arguments: gcc 12 destroys what is left of them twice
            co_await say_bytes(socket);
        else
            co_await say_lines(socket);
    } catch (const boost::system::system_error &) { // the peer left; the socket closes with the coroutine
    }
}

static asio::awaitable<void> greet(tcp::acceptor listener)
{
    for (;;) {
        tcp::socket socket = co_await listener.async_accept(use_awaitable);
        asio::co_spawn(listener.get_executor(), serve(std::move(socket)), asio::detached);
    }
}

int main(int argc, char **argv)
{
    by_bytes = argc > 3 && std::strcmp(argv[3], "bytes") == 0;
    buffers = argc > 4 ? std::atoi(argv[4]) : 0;
    try {
        asio::io_context loop(1);
        tcp::endpoint here(asio::ip::make_address(argc > 2 ? argv[2] : "127.0.0.1"),
                           static_cast<unsigned short>(argc > 1 ? std::atoi(argv[1]) : 7000));
        tcp::acceptor listener(loop);
        listener.open(here.protocol());
        listener.set_option(tcp::acceptor::reuse_address(true));
        listener.bind(here);
        listener.listen(4096);
        asio::co_spawn(loop, greet(std::move(listener)), asio::detached);
        loop.run();
    } catch (const std::exception &trouble) {
        std::fprintf(stderr, "echo_asio: %s\n", trouble.what());
        return 1;
    }
}
