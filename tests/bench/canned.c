/* canned: answers every bind with one bind_ack and every request with one canned response of 12 bytes, without looking
 * at either: no authentication, no decoding. What is left is what the kernel and TCP cost a server on this machine.
 * build: gcc -O2 -Wall -o canned canned.c
 * use:   canned [blocking]   prints its port; `blocking` serves one connection without epoll, the least there can be
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { REQUEST = 0, RESPONSE = 2, BIND = 11, BIND_ACK = 12, LONGEST = 5840 };

struct connection {
    int fd, held;
    uint8_t in[2 * LONGEST];
};

/* Answers every whole PDU of the buffer; returns 0 when the connection is over. */
static int serve(struct connection *c)
{
    ssize_t got = read(c->fd, c->in + c->held, sizeof c->in - c->held);
    if (got <= 0)
        return 0;
    c->held += got;
    int at = 0;
    while (c->held - at >= 16) {
        uint8_t *pdu = c->in + at, out[128];
        int length = pdu[8] | pdu[9] << 8, size;
        if (length < 16 || length > LONGEST)
            return 0;
        if (c->held - at < length)
            break;
        memset(out, 0, sizeof out);
        memcpy(out, pdu, 16);
        if (pdu[2] == BIND && length >= 72) {
            /* Sizes, group, port "0", one context accepted with the syntax that was asked for. */
            size = 16 + 8 + 4 + 4 + 4 + 20 + 4;
            out[2] = BIND_ACK;
            memcpy(out + 16, pdu + 16, 4);
            out[20] = 1;
            out[24] = 2;
            out[26] = '0';
            out[28] = 1;
            memcpy(out + 36, pdu + 52, 20);
            size = 56;
        } else {
            size = 24 + 12;
            out[2] = RESPONSE;
            out[16] = 12;
            memcpy(out + 20, pdu + 20, 2);
        }
        out[8] = size;
        out[9] = out[10] = out[11] = 0;
        if (write(c->fd, out, size) != size)
            return 0;
        at += length;
    }
    c->held -= at;
    memmove(c->in, c->in + at, c->held);
    return 1;
}

static struct connection *accepted(int listener)
{
    struct connection *c = malloc(sizeof *c);
    int one = 1;
    c->held = 0;
    c->fd = accept(listener, 0, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return c;
}

static void drop(struct connection *c)
{
    close(c->fd);
    free(c);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&address, size) || listen(listener, 128) || getsockname(listener, (void *)&address, &size)) {
        perror("canned");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    if (argc > 1 && !strcmp(argv[1], "blocking"))
        for (;;) {
            struct connection *c = accepted(listener);
            while (serve(c))
                ;
            drop(c);
        }
    int poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) {
                c = accepted(listener);
                event.data.ptr = c;
                epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
            } else if (!serve(c)) {
                drop(c);
            }
        }
    }
}
