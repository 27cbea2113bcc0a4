// frame.h: the bytes of the flows, the same that Pollux's memory port writes
// (pmd/port/memory_rx.go); a test compares the two.
//
// Flow i is UDP from 10.0.0.0 + i>>12, port 1024 + i&4095, to 10.200.0.1, port
// 2000 + i%16, in Ethernet from 02:00:00:00:00:00 with bit g of the address flipped.
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>

#define FRAME_SIZE 60

static uint8_t frame_first[64] __attribute__((aligned(64))) = {
	0x02, 0, 0, 0, 0x02, 0x02, 0x02, 0, 0, 0, 0, 0, 0x08, 0x00,
	0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 0, 10, 200, 0, 1,
	0x04, 0, 0x07, 0xd0, 0, 26, 0, 0};
static uint32_t frame_sum; // of the IP header without checksum and source address

static void frame_init(void)
{
	for (int i = 14; i < 34; i += 2)
		if (i != 24 && i != 26 && i != 28)
			frame_sum += (frame_first[i] << 8) | frame_first[i + 1];
}

static inline void put16(uint8_t *p, uint16_t v)
{
	v = htons(v);
	memcpy(p, &v, 2);
}

// frame_write writes the headers of flow i, of group g, and zeros behind them.
static inline void frame_write(uint8_t *p, uint32_t i, uint32_t g)
{
	memcpy(p, frame_first, FRAME_SIZE);
	uint32_t bit = 1u << g;
	p[9] = bit >> 16;
	p[10] = bit >> 8;
	p[11] = bit;
	uint32_t low = i >> 12;
	uint16_t high = 0x0a00 | (low >> 16);
	uint32_t s = frame_sum + high + (low & 0xffff);
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	put16(p + 24, ~s);
	put16(p + 26, high);
	put16(p + 28, low);
	put16(p + 34, 1024 + (i & 4095));
	put16(p + 36, 2000 + (i & 15));
}
