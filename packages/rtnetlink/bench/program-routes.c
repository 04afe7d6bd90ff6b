// The peer that says what the machine can: programs routes by nexthop id with nothing between it and the system calls, counts them in a dump,
// and times the notifications of other programs. Prints one JSON object; CPU time is that of the process.
//
//   program-routes add|replace|delete FAMILY TABLE COUNT SHIFT NEXTHOPS BATCH   { wall, cpu } in ns, first encoding to last acknowledgement
//   program-routes dump FAMILY TABLE                                           { wall, cpu, routes }
//   program-routes check FAMILY TABLE COUNT SHIFT NEXTHOPS                     { routes, right }; NEXTHOPS 0: whatever they lead to
//   program-routes watch FAMILY TABLE COUNT     `ready`, then { wall, heard }: from the first new route to the COUNT-th, and how many;
//                                               COUNT 0: until one appears in the table with the next number
//
// FAMILY is ipv4 or ipv6. Route n is 10.0.0.0/32 + n or fd00::/128 + n and leads to nexthop 1 + (n + SHIFT) % NEXTHOPS.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef RTA_NH_ID
#define RTA_NH_ID 30
#endif

// The kernel fills at most 32 KiB of a dump at a time.
static uint8_t received[65536];

struct job {
	uint8_t family;
	uint32_t table;
	uint32_t count;
	uint32_t shift;
	uint32_t nexthops;
	uint32_t batch;
};

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, errno == 0 ? "wrong" : strerror(errno));
	exit(1);
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int open_socket(int receive_buffer, uint32_t groups)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int on = 1;
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	if (fd < 0)
		fail("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) != 0)
		fail("SO_RCVBUFFORCE");
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
		fail("bind");
	return fd;
}

static ssize_t receive(int fd)
{
	for (;;) {
		ssize_t length = recv(fd, received, sizeof received, 0);
		if (length >= 0)
			return length;
		if (errno != EINTR)
			fail("recv");
	}
}

static uint8_t *put(uint8_t *at, uint16_t type, const void *value, uint16_t length)
{
	struct rtattr head = { .rta_type = type, .rta_len = RTA_LENGTH(length) };
	memcpy(at, &head, sizeof head);
	memcpy(at + sizeof head, value, length);
	return at + RTA_SPACE(length);
}

static uint32_t nexthop_of(const struct job *job, uint32_t route)
{
	return 1 + (route + job->shift) % job->nexthops;
}

static size_t encode(uint8_t *at, const struct job *job, const char *op, uint32_t route, int last)
{
	int remove = strcmp(op, "delete") == 0;
	int create = strcmp(op, "add") == 0 ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE | NLM_F_REPLACE;
	uint32_t nexthop = nexthop_of(job, route);
	struct nlmsghdr header = {
		.nlmsg_type = remove ? RTM_DELROUTE : RTM_NEWROUTE,
		.nlmsg_flags = NLM_F_REQUEST | (remove ? 0 : create) | (last ? NLM_F_ACK : 0),
		.nlmsg_seq = route + 1,
	};
	struct rtmsg message = {
		.rtm_family = job->family,
		.rtm_dst_len = job->family == AF_INET ? 32 : 128,
		.rtm_protocol = remove ? 0 : RTPROT_BOOT,
		.rtm_scope = remove ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE,
		.rtm_type = remove ? 0 : RTN_UNICAST,
	};
	uint8_t destination[16] = { 0xfd };
	uint8_t *end = at + NLMSG_LENGTH(sizeof message);
	if (job->family == AF_INET) {
		uint32_t address = htonl(0x0a000000 + route);
		end = put(end, RTA_DST, &address, sizeof address);
	} else {
		uint32_t tail = htonl(route);
		memcpy(destination + 12, &tail, sizeof tail);
		end = put(end, RTA_DST, destination, sizeof destination);
	}
	end = put(end, RTA_TABLE, &job->table, sizeof job->table);
	end = put(end, RTA_NH_ID, &nexthop, sizeof nexthop);
	header.nlmsg_len = end - at;
	memcpy(at, &header, sizeof header);
	memcpy(at + NLMSG_HDRLEN, &message, sizeof message);
	return NLMSG_ALIGN(header.nlmsg_len);
}

// Ends the program where the kernel refused anything.
static void await_acknowledgement(int fd, uint32_t sequence)
{
	for (;;) {
		int length = (int)receive(fd);
		for (struct nlmsghdr *m = (void *)received; NLMSG_OK(m, length); m = NLMSG_NEXT(m, length)) {
			const struct nlmsgerr *verdict = NLMSG_DATA(m);
			if (m->nlmsg_type != NLMSG_ERROR)
				continue;
			errno = -verdict->error;
			if (errno != 0)
				fail("the kernel refused a route");
			if (m->nlmsg_seq == sequence)
				return;
		}
	}
}

static void change(const char *op, const struct job *job)
{
	// The longest message, of IPv6, is 64 bytes.
	uint8_t *bytes = malloc((size_t)job->batch * 64);
	int fd = open_socket(8 << 20, 0);
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	if (connect(fd, (struct sockaddr *)&kernel, sizeof kernel) != 0)
		fail("connect");
	int64_t wall = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (uint32_t route = 0; route < job->count;) {
		uint32_t end = route + job->batch < job->count ? route + job->batch : job->count;
		size_t length = 0;
		for (; route < end; route++)
			length += encode(bytes + length, job, op, route, route == end - 1);
		if (send(fd, bytes, length, 0) != (ssize_t)length)
			fail("send");
		await_acknowledgement(fd, end);
	}
	wall = clock_ns(CLOCK_MONOTONIC) - wall;
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("{\"wall\":%lld,\"cpu\":%lld}\n", (long long)wall, (long long)cpu);
}

// What is of interest in a route message: its table, its number (-1: none of ours) and its nexthop.
struct seen {
	uint32_t table;
	int64_t route;
	uint32_t nexthop;
};

static struct seen read_route(const struct nlmsghdr *m)
{
	const struct rtmsg *message = NLMSG_DATA(m);
	struct seen seen = { .table = message->rtm_table, .route = -1 };
	int length = RTM_PAYLOAD(m);
	for (struct rtattr *a = RTM_RTA(message); RTA_OK(a, length); a = RTA_NEXT(a, length)) {
		const uint8_t *value = RTA_DATA(a);
		if (a->rta_type == RTA_TABLE)
			memcpy(&seen.table, value, 4);
		else if (a->rta_type == RTA_NH_ID)
			memcpy(&seen.nexthop, value, 4);
		else if (a->rta_type == RTA_DST) {
			uint32_t tail;
			memcpy(&tail, value + RTA_PAYLOAD(a) - 4, 4);
			seen.route = (int64_t)ntohl(tail) - (message->rtm_family == AF_INET ? 0x0a000000 : 0);
			if (message->rtm_dst_len != RTA_PAYLOAD(a) * 8)
				seen.route = -1;
		}
	}
	return seen;
}

// Counts the routes of the table and, where `held` has a byte for each that is asked for, those that are right.
static void dump(const struct job *job, uint8_t *held, uint32_t *routes, uint32_t *right)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg message;
		struct rtattr head;
		uint32_t table;
	} request = {
		.header = { .nlmsg_len = sizeof request, .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 1 },
		.message = { .rtm_family = job->family },
		.head = { .rta_len = RTA_LENGTH(4), .rta_type = RTA_TABLE },
		.table = job->table,
	};
	int fd = open_socket(1 << 20, 0);
	if (send(fd, &request, sizeof request, 0) != sizeof request)
		fail("send");
	for (;;) {
		int length = (int)receive(fd);
		for (struct nlmsghdr *m = (void *)received; NLMSG_OK(m, length); m = NLMSG_NEXT(m, length)) {
			const struct nlmsgerr *verdict = NLMSG_DATA(m);
			// A table that does not exist yet has no routes.
			if (m->nlmsg_type == NLMSG_DONE || (m->nlmsg_type == NLMSG_ERROR && verdict->error == -ENOENT)) {
				close(fd);
				return;
			}
			if (m->nlmsg_type == NLMSG_ERROR) {
				errno = -verdict->error;
				fail("dump");
			}
			struct seen seen = read_route(m);
			(*routes)++;
			if (held == NULL || seen.route < 0 || seen.route >= job->count || held[seen.route]++ != 0)
				continue;
			if (job->nexthops == 0 || seen.nexthop == nexthop_of(job, seen.route))
				(*right)++;
		}
	}
}

static void watch(const struct job *job)
{
	int fd = open_socket(512 << 20, job->family == AF_INET ? RTMGRP_IPV4_ROUTE : RTMGRP_IPV6_ROUTE);
	struct timeval patience = { .tv_sec = 60 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	puts("ready");
	fflush(stdout);
	int64_t first = 0;
	uint32_t heard = 0;
	for (int marked = 0; !marked && (job->count == 0 || heard < job->count);) {
		int length = (int)receive(fd);
		for (struct nlmsghdr *m = (void *)received; NLMSG_OK(m, length); m = NLMSG_NEXT(m, length)) {
			struct seen seen = read_route(m);
			if (m->nlmsg_type != RTM_NEWROUTE)
				continue;
			marked |= job->count == 0 && seen.table == job->table + 1;
			if (seen.table == job->table && seen.route >= 0 && heard++ == 0)
				first = clock_ns(CLOCK_MONOTONIC);
		}
	}
	int64_t wall = heard == 0 ? 0 : clock_ns(CLOCK_MONOTONIC) - first;
	printf("{\"wall\":%lld,\"heard\":%u}\n", (long long)wall, heard);
}

static uint32_t number(int argc, char **argv, int at)
{
	return at < argc ? (uint32_t)strtoul(argv[at], NULL, 10) : 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	struct job job = {
		.family = argc > 2 && strcmp(argv[2], "ipv6") == 0 ? AF_INET6 : AF_INET,
		.table = number(argc, argv, 3),
		.count = number(argc, argv, 4),
		.shift = number(argc, argv, 5),
		.nexthops = number(argc, argv, 6),
		.batch = number(argc, argv, 7),
	};
	uint32_t routes = 0, right = 0;
	if (strcmp(what, "watch") == 0)
		watch(&job);
	else if (strcmp(what, "dump") == 0) {
		int64_t wall = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		dump(&job, NULL, &routes, &right);
		wall = clock_ns(CLOCK_MONOTONIC) - wall;
		cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
		printf("{\"wall\":%lld,\"cpu\":%lld,\"routes\":%u}\n", (long long)wall, (long long)cpu, routes);
	} else if (strcmp(what, "check") == 0) {
		dump(&job, calloc(job.count + 1, 1), &routes, &right);
		printf("{\"routes\":%u,\"right\":%u}\n", routes, right);
	} else if (job.batch > 0 && job.nexthops > 0)
		change(what, &job);
	else
		return fprintf(stderr, "usage: see the head of program-routes.c\n"), 2;
	return 0;
}
