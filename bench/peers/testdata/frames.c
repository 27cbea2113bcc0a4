// Writes the frames of flows FIRST to FIRST+COUNT-1 in MASKS groups, as flowgen makes them.
#include <stdio.h>
#include <stdlib.h>
#include "frame.h"

int main(int argc, char **argv)
{
	(void)argc;
	uint32_t first = strtoul(argv[1], NULL, 10), count = strtoul(argv[2], NULL, 10), masks = strtoul(argv[3], NULL, 10);
	uint8_t frame[FRAME_SIZE];
	frame_init();
	for (uint32_t k = 0; k < count; k++) {
		frame_write(frame, first + k, (first + k) % masks);
		fwrite(frame, sizeof frame, 1, stdout);
	}
	return 0;
}
