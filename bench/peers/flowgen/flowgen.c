// flowgen: a plug-in for DPDK that makes of a net_null port a source of flows.
//
// net_null hands out buffers as they are, at full speed. In the driver directory,
// this plug-in is loaded before any port exists; it waits for the port net_null0 to
// start and then writes the headers of the next flow into every packet of every
// burst that is received there.
//
// Environment:
//   FLOWGEN_FLOWS   distinct flows, sent in turn; 0: no flow comes again in 2^32 packets.
//                   Without it the plug-in does nothing.
//   FLOWGEN_MASKS   flow i belongs to group i % MASKS, at most 24 (1)
//   FLOWGEN_NEW     packets a second that begin a flow beyond FLOWS, at most half of a
//                   burst and at its end; a pause saves up 1,024 of them (0)
//   FLOWGEN_FRAMES  file of frames of 64 bytes that are sent in place of flows, and
//   FLOWGEN_ORDER   file of their numbers, of 4 bytes each, in the order of sending
//   FLOWGEN_COUNT   file of 8 bytes or more where the packets made are counted
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include "frame.h"

static uint32_t flows, masks, next_flow, next_group;
static uint64_t nowhere;
static volatile uint64_t *count = &nowhere;

static const uint8_t *frames;
static const uint32_t *order;
static uint64_t order_n, order_at;

static double new_per_tick, new_saved;
static uint64_t new_last;
static uint32_t new_flow, new_group;

// begin_flows says how many of n packets begin a flow.
static uint16_t begin_flows(uint16_t n)
{
	uint64_t now = rte_rdtsc();
	if (new_last)
		new_saved += (now - new_last) * new_per_tick;
	new_last = now;
	if (new_saved > 1024)
		new_saved = 1024;
	uint16_t k = (n + 1) / 2;
	if (k > new_saved)
		k = new_saved;
	new_saved -= k;
	return k;
}

static void play(struct rte_mbuf *pkts[], uint16_t n)
{
	for (uint16_t k = 0; k < n; k++) {
		memcpy(rte_pktmbuf_mtod(pkts[k], uint8_t *), frames + 64 * (uint64_t)order[order_at], FRAME_SIZE);
		if (++order_at == order_n)
			order_at = 0;
	}
}

static uint16_t fill(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n,
		     uint16_t max, void *arg)
{
	(void)port; (void)queue; (void)max; (void)arg;
	*count += n;
	if (frames) {
		play(pkts, n);
		return n;
	}
	uint16_t old = new_per_tick > 0 ? n - begin_flows(n) : n;
	for (uint16_t k = 0; k < old; k++) {
		frame_write(rte_pktmbuf_mtod(pkts[k], uint8_t *), next_flow, next_group);
		if (++next_group == masks)
			next_group = 0;
		if (++next_flow == flows)
			next_flow = next_group = 0;
	}
	for (uint16_t k = old; k < n; k++) {
		frame_write(rte_pktmbuf_mtod(pkts[k], uint8_t *), new_flow++, new_group);
		if (++new_group == masks)
			new_group = 0;
	}
	return n;
}

static void *attach(void *arg)
{
	uint16_t port;
	struct rte_eth_link link;
	double rate = *(double *)arg;
	// A port that is not configured yet refuses the callback.
	while (rte_eth_dev_get_port_by_name("net_null0", &port) != 0 ||
	       rte_eth_link_get_nowait(port, &link) != 0 || !link.link_status ||
	       !rte_eth_add_rx_callback(port, 0, fill, NULL))
		usleep(2000);
	// The clock's rate is known when DPDK is up. A burst without it begins no flow.
	new_per_tick = rate / rte_get_tsc_hz();
	return NULL;
}

static uint32_t number(const char *name, uint32_t otherwise)
{
	const char *s = getenv(name);
	return s && *s ? strtoul(s, NULL, 10) : otherwise;
}

// file maps a file of the environment, whole; NULL when it is not asked for.
static const void *file(const char *name, uint64_t *size)
{
	const char *path = getenv(name);
	if (!path || !*path)
		return NULL;
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *m = fd < 0 || fstat(fd, &st) != 0 ? MAP_FAILED : mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED) {
		fprintf(stderr, "flowgen: %s %s: %m\n", name, path);
		exit(1);
	}
	*size = st.st_size;
	return m;
}

__attribute__((constructor)) static void begin(void)
{
	if (!getenv("FLOWGEN_FLOWS"))
		return;
	flows = number("FLOWGEN_FLOWS", 1);
	masks = number("FLOWGEN_MASKS", 1);
	if (masks < 1 || masks > 24) {
		fprintf(stderr, "flowgen: FLOWGEN_MASKS %u: must be 1 to 24\n", masks);
		exit(1);
	}
	const char *counter = getenv("FLOWGEN_COUNT");
	if (counter && *counter) {
		int fd = open(counter, O_RDWR);
		void *m = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (m == MAP_FAILED) {
			fprintf(stderr, "flowgen: FLOWGEN_COUNT %s: %m\n", counter);
			exit(1);
		}
		count = m;
	}
	static double rate;
	rate = number("FLOWGEN_NEW", 0);
	new_flow = flows;
	new_group = flows % masks;
	uint64_t size = 0;
	order = file("FLOWGEN_ORDER", &size);
	order_n = size / sizeof *order;
	frames = order ? file("FLOWGEN_FRAMES", &size) : NULL;
	for (uint64_t i = 0; i < order_n; i++)
		if (!frames || order[i] >= size / 64) {
			fprintf(stderr, "flowgen: FLOWGEN_ORDER: place %lu is of frame %u, which FLOWGEN_FRAMES does not have\n", i, order[i]);
			exit(1);
		}
	frame_init();
	pthread_t t;
	pthread_create(&t, NULL, attach, &rate);
	pthread_detach(t);
}
