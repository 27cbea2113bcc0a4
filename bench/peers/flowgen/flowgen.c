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
//   FLOWGEN_COUNT   file of 8 bytes or more where the packets made are counted
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include "frame.h"

static uint32_t flows, masks, next_flow, next_group;
static uint64_t nowhere;
static volatile uint64_t *count = &nowhere;

static uint16_t fill(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n,
		     uint16_t max, void *arg)
{
	(void)port; (void)queue; (void)max; (void)arg;
	for (uint16_t k = 0; k < n; k++) {
		frame_write(rte_pktmbuf_mtod(pkts[k], uint8_t *), next_flow, next_group);
		if (++next_group == masks)
			next_group = 0;
		if (++next_flow == flows)
			next_flow = next_group = 0;
	}
	*count += n;
	return n;
}

static void *attach(void *arg)
{
	uint16_t port;
	struct rte_eth_link link;
	(void)arg;
	// A port that is not configured yet refuses the callback.
	while (rte_eth_dev_get_port_by_name("net_null0", &port) != 0 ||
	       rte_eth_link_get_nowait(port, &link) != 0 || !link.link_status ||
	       !rte_eth_add_rx_callback(port, 0, fill, NULL))
		usleep(2000);
	return NULL;
}

static uint32_t number(const char *name, uint32_t otherwise)
{
	const char *s = getenv(name);
	return s && *s ? strtoul(s, NULL, 10) : otherwise;
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
	const char *file = getenv("FLOWGEN_COUNT");
	if (file && *file) {
		int fd = open(file, O_RDWR);
		void *m = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (m == MAP_FAILED) {
			fprintf(stderr, "flowgen: FLOWGEN_COUNT %s: %m\n", file);
			exit(1);
		}
		count = m;
	}
	frame_init();
	pthread_t t;
	pthread_create(&t, NULL, attach, NULL);
	pthread_detach(t);
}
