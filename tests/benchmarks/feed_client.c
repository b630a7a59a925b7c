/* Many clients of one stream of lines, in one thread: counts, remembers tokens, and measures how old lines are.

   It is told what to do by lines on standard input, and answers each with one line of numbers:

     open N PATH      N more connections that ask for PATH               -> how many there are
     stall N PATH     N more that ask and never read                     -> how many there are
     expect L         come back when every connection has had L lines    -> seconds since the first byte came, lines, bytes
     first            -> longest time from a request to its first line, in seconds
     forget           forget lines, bytes, ages and the time of the first byte
     ages             -> number, median, 99th percentile and maximum of the ages of lines, in seconds
     reconnect PATH   close all but the first and ask again, behind the last token that each has had -> seconds
     same             -> whether all have had the same lines as the first (number and hash of tokens), 1 or 0
     quit

   A line is as old as the time since the moment that it names: @T<nanoseconds of CLOCK_MONOTONIC>@.
   It knows HTTP/1.1 as far as status 200 and chunks; it gives up (exit status 1) when anything else comes. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (1 << 18)
#define CARRY_BYTES (1 << 16)
#define AGES_MAX (1 << 23)
#define TOKEN_CHARACTERS 34
#define EVENTS_AT_ONCE 512
#define PATIENCE_MS 60000

enum phase { HEADERS, SIZE, DATA, AFTER_DATA };

struct connection {
    int fd;
    int stalled;
    enum phase phase;
    size_t left, carried;
    char *carry;
    long lines;
    uint64_t hash;
    int64_t asked_ns, first_ns;
    char token[TOKEN_CHARACTERS + 1];
};

static struct connection *all;
static int count, port, poller;
static char buffer[BUFFER_BYTES];
static double *ages;
static long age_count, byte_count;
static int64_t began_ns, last_ns;
static long target, reached;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fail(const char *form, ...) {
    va_list values;
    va_start(values, form);
    vfprintf(stderr, form, values);
    fprintf(stderr, "\n");
    exit(1);
}

static void ask(struct connection *each, const char *path) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    char request[1024];
    int yes = 1, small = 4096;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    each->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (each->fd < 0) fail("socket: %s", strerror(errno));
    setsockopt(each->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (each->stalled) setsockopt(each->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    each->asked_ns = now_ns();
    if (connect(each->fd, (struct sockaddr *)&address, sizeof address)) fail("connect: %s", strerror(errno));
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", path, port);
    if (write(each->fd, request, length) != length) fail("write: %s", strerror(errno));
    fcntl(each->fd, F_SETFL, O_NONBLOCK);
    each->phase = HEADERS;
    each->carried = each->left = 0;
    each->first_ns = 0;
    if (!each->stalled) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = each};
        epoll_ctl(poller, EPOLL_CTL_ADD, each->fd, &event);
    }
}

static void take_line(struct connection *each, const char *line, size_t length, int64_t at_ns) {
    if (length < TOKEN_CHARACTERS + 4) return; /* a sign of life */
    const char *token = line + length - 3 - TOKEN_CHARACTERS;
    memcpy(each->token, token, TOKEN_CHARACTERS);
    for (int i = 0; i < TOKEN_CHARACTERS; i++) each->hash = (each->hash ^ (unsigned char)token[i]) * 1099511628211u;
    const char *moment = memmem(line, length, "@T", 2);
    if (moment && age_count < AGES_MAX) ages[age_count++] = (at_ns - strtoll(moment + 2, NULL, 10)) / 1e9;
    if (!each->first_ns) each->first_ns = at_ns;
    if (++each->lines == target) reached++;
}

static void take_data(struct connection *each, const char *data, size_t length, int64_t at_ns) {
    while (length) {
        const char *end = memchr(data, '\n', length);
        size_t size = end ? (size_t)(end - data) + 1 : length;
        if (each->carried || !end) {
            if (each->carried + size > CARRY_BYTES) fail("a line is too long");
            if (!each->carry) each->carry = malloc(CARRY_BYTES);
            memcpy(each->carry + each->carried, data, size);
            each->carried += size;
            if (end) {
                take_line(each, each->carry, each->carried, at_ns);
                each->carried = 0;
            }
        } else
            take_line(each, data, size, at_ns);
        data += size;
        length -= size;
    }
}

static void take(struct connection *each, char *data, size_t length, int64_t at_ns) {
    while (length) {
        size_t used = 1;
        if (each->phase == HEADERS) {
            char *end = memmem(data, length, "\r\n\r\n", 4);
            if (!end || strncmp(data, "HTTP/1.1 200 ", 13)) fail("no 200, or headers in pieces: %.60s", data);
            used = end + 4 - data;
            each->phase = SIZE;
        } else if (each->phase == SIZE) {
            if (*data == '\n') {
                if (!each->left) fail("the stream has ended");
                each->phase = DATA;
            } else if (*data != '\r')
                each->left = each->left * 16 + (*data <= '9' ? *data - '0' : (*data | 32) - 'a' + 10);
        } else if (each->phase == DATA) {
            used = length < each->left ? length : each->left;
            take_data(each, data, used, at_ns);
            each->left -= used;
            if (!each->left) each->phase = AFTER_DATA;
        } else if (*data == '\n')
            each->phase = SIZE;
        data += used;
        length -= used;
    }
}

static void listen_once(int timeout_ms) {
    struct epoll_event events[EVENTS_AT_ONCE];
    int ready = epoll_wait(poller, events, EVENTS_AT_ONCE, timeout_ms);
    if (ready == 0 && timeout_ms == PATIENCE_MS) fail("nothing came for %d ms", PATIENCE_MS);
    for (int i = 0; i < ready; i++) {
        struct connection *each = events[i].data.ptr;
        if (!each) continue; /* standard input */
        ssize_t size = recv(each->fd, buffer, BUFFER_BYTES, 0);
        if (size == 0 || (size < 0 && errno != EAGAIN)) fail("the server has closed a connection");
        if (size < 0) continue;
        last_ns = now_ns();
        if (!began_ns) began_ns = last_ns;
        byte_count += size;
        take(each, buffer, size, last_ns);
    }
}

static void expect(long lines) {
    target = lines;
    reached = 0;
    long readers = 0;
    for (int i = 0; i < count; i++) {
        readers += !all[i].stalled;
        reached += !all[i].stalled && all[i].lines >= lines;
    }
    while (reached < readers) listen_once(PATIENCE_MS);
    target = 0;
    printf("%.6f %ld %ld\n", began_ns ? (last_ns - began_ns) / 1e9 : 0.0, lines * readers, byte_count);
}

static int by_size(const void *one, const void *other) {
    double difference = *(const double *)one - *(const double *)other;
    return difference < 0 ? -1 : difference > 0;
}

static void tell_ages(void) {
    qsort(ages, age_count, sizeof *ages, by_size);
    if (!age_count)
        printf("0 0 0 0\n");
    else
        printf("%ld %.6f %.6f %.6f\n", age_count, ages[age_count / 2], ages[age_count * 99 / 100], ages[age_count - 1]);
}

static void open_more(int more, const char *path, int stalled) {
    for (int i = 0; i < more; i++, count++) {
        all[count].stalled = stalled;
        ask(&all[count], path);
        if (i % 64 == 63) listen_once(0);
    }
    printf("%d\n", count);
}

static void reconnect(const char *path) {
    char with_token[1200];
    int64_t before_ns = now_ns();
    for (int i = 1; i < count; i++)
        if (!all[i].stalled) close(all[i].fd);
    for (int i = 1; i < count; i++)
        if (!all[i].stalled) {
            snprintf(with_token, sizeof with_token, "%s%csince_token=%s", path, strchr(path, '?') ? '&' : '?', all[i].token);
            ask(&all[i], with_token);
            if (i % 64 == 63) listen_once(0);
        }
    printf("%.6f\n", (now_ns() - before_ns) / 1e9);
}

static void tell_first(void) {
    double longest = 0;
    for (int i = 0; i < count; i++)
        if (!all[i].stalled && (all[i].first_ns - all[i].asked_ns) / 1e9 > longest)
            longest = (all[i].first_ns - all[i].asked_ns) / 1e9;
    printf("%.6f\n", longest);
}

static void tell_same(void) {
    int same = 1;
    for (int i = 1; i < count; i++)
        if (!all[i].stalled) same &= all[i].lines == all[0].lines && all[i].hash == all[0].hash;
    printf("%d\n", same);
}

static void forget(void) {
    age_count = byte_count = 0;
    began_ns = last_ns = 0;
    for (int i = 0; i < count; i++) all[i].lines = 0;
    printf("0\n");
}

static int obey(char *told) {
    char path[1024];
    long number;
    if (sscanf(told, "open %ld %1023s", &number, path) == 2)
        open_more(number, path, 0);
    else if (sscanf(told, "stall %ld %1023s", &number, path) == 2)
        open_more(number, path, 1);
    else if (sscanf(told, "expect %ld", &number) == 1)
        expect(number);
    else if (sscanf(told, "reconnect %1023s", path) == 1)
        reconnect(path);
    else if (!strncmp(told, "first", 5))
        tell_first();
    else if (!strncmp(told, "forget", 6))
        forget();
    else if (!strncmp(told, "ages", 4))
        tell_ages();
    else if (!strncmp(told, "same", 4))
        tell_same();
    else
        return 0;
    fflush(stdout);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 3) fail("usage: feed_client PORT CONNECTIONS_MAX");
    port = atoi(argv[1]);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    all = calloc(atoi(argv[2]), sizeof *all);
    ages = malloc(AGES_MAX * sizeof *ages);
    poller = epoll_create1(0);
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input);
    char told[2048];
    size_t have = 0;
    fcntl(0, F_SETFL, O_NONBLOCK);
    for (;;) {
        listen_once(-1);
        ssize_t size = read(0, told + have, sizeof told - 1 - have);
        if (size == 0) return 0;
        if (size < 0) continue;
        have += size;
        told[have] = 0;
        for (char *end; (end = strchr(told, '\n'));) {
            *end = 0;
            if (!obey(told)) return 0;
            have -= end + 1 - told;
            memmove(told, end + 1, have + 1);
        }
    }
}
