package mixed

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// WritePcap writes each file's frames to a capture file in dir, a microsecond apart,
// and returns the paths.
func (t *Traffic) WritePcap(dir string) (paths []string, err error) {
	for i, frames := range t.Frames {
		path := filepath.Join(dir, fmt.Sprintf("traffic%d.pcap", i))
		if err := writePcap(path, frames); err != nil {
			return nil, fmt.Errorf("mixed: %w", err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func writePcap(path string, frames []Frame) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	le := binary.LittleEndian
	var h [24]byte
	le.PutUint32(h[:], 0xa1b2c3d4)
	le.PutUint16(h[4:], 2)
	le.PutUint16(h[6:], 4)
	le.PutUint32(h[16:], 65535)
	le.PutUint32(h[20:], 1) // Ethernet
	_, err = w.Write(h[:])
	for i := 0; i < len(frames) && err == nil; i++ {
		n := uint32(len(frames[i].Data))
		le.PutUint32(h[:], uint32(1_700_000_000+i/1_000_000))
		le.PutUint32(h[4:], uint32(i%1_000_000))
		le.PutUint32(h[8:], n)
		le.PutUint32(h[12:], n)
		if _, err = w.Write(h[:16]); err == nil {
			_, err = w.Write(frames[i].Data)
		}
	}
	return errors.Join(err, w.Flush())
}
