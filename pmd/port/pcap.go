package port

import (
	"errors"
	"fmt"
	"strconv"

	"pollux/internal/packet"
	"pollux/pmd"
)

// PcapConfig says which capture files are a port's wire.
type PcapConfig struct {
	Read   string  // file whose frames are received, pcap or pcapng; "": the port receives nothing
	Loop   int     // how often it is played; 0 is once, negative is for ever
	PPS    float64 // frames a second; 0 is as fast as the poll loop asks
	Write  string  // file that gets the sent frames; "": the port sends nothing
	Buffer int     // bytes between poll loop and disk, twice; 0 is 8 MB
}

// defaultPcapBuffer holds about 100,000 small frames, or 10 ms at 800 MB/s.
const defaultPcapBuffer = 8 << 20

// Pcap is a pair of capture files as a port of one queue.
type Pcap struct {
	info pmd.PortInfo
	rx   *pcapRx
	tx   *pcapTx
}

// OpenPcap reads the file to play into memory (up to 1 GB) and begins the file to
// write. Playing costs a copy a frame; so does writing, into a buffer that another
// goroutine brings to disk every 10 ms.
func OpenPcap(cfg PcapConfig, mem *packet.Memory) (*Pcap, error) {
	if cfg.Read == "" && cfg.Write == "" {
		return nil, errors.New("port: pcap: no file to read and none to write: want one or both")
	}
	if cfg.PPS < 0 {
		return nil, fmt.Errorf("port: pcap: %g frames a second: want 0 (no limit) or more", cfg.PPS)
	}
	if cfg.Buffer == 0 {
		cfg.Buffer = defaultPcapBuffer
	}
	if least := int(mem.ChunkSize) + recordHeader; cfg.Buffer < least {
		return nil, fmt.Errorf("port: pcap: buffer of %d bytes: want %d or more, one frame", cfg.Buffer, least)
	}
	p := &Pcap{info: pmd.PortInfo{Type: "pcap", Queues: 1, Details: map[string]string{}}}
	if cfg.Read != "" {
		frames, err := loadPcap(cfg.Read)
		if err != nil {
			return nil, fmt.Errorf("port: pcap: %w", err)
		}
		p.rx = newPcapRx(frames, cfg.Loop, cfg.PPS, mem)
		p.info.Device = cfg.Read
		p.info.Details["read"] = cfg.Read
		p.info.Details["frames"] = strconv.Itoa(frames.len())
	}
	if cfg.Write != "" {
		var err error
		if p.tx, err = newPcapTx(cfg.Write, cfg.Buffer, mem); err != nil {
			return nil, fmt.Errorf("port: pcap: %w", err)
		}
		if p.info.Device == "" {
			p.info.Device = cfg.Write
		}
		p.info.Details["write"] = cfg.Write
	}
	return p, nil
}

// Queues implements pmd.Port.
func (p *Pcap) Queues() (rx []pmd.RxQueue, tx []pmd.TxQueue) {
	if p.rx != nil {
		rx = []pmd.RxQueue{p.rx}
	}
	if p.tx != nil {
		tx = []pmd.TxQueue{p.tx}
	}
	return rx, tx
}

// Info implements pmd.Port.
func (p *Pcap) Info() pmd.PortInfo { return p.info }

// Counters implements pmd.Port.
func (p *Pcap) Counters() (c pmd.PortCounters) {
	if p.rx != nil {
		c.RxDropped = p.rx.tooLong.Load()
	}
	if p.tx != nil {
		c.TxErrors = p.tx.refused.Load()
	}
	return c
}

// Done reports whether the file to read has been played to its end.
func (p *Pcap) Done() bool { return p.rx == nil || p.rx.done.Load() }

// Close implements pmd.Port: it writes what is buffered and closes the file. An
// error of any earlier write is returned here.
func (p *Pcap) Close() (chunks []uint64, err error) {
	if p.rx != nil {
		p.rx.stop()
	}
	if p.tx != nil {
		chunks = p.tx.finished.take(chunks)
		if err = p.tx.close(); err != nil {
			err = fmt.Errorf("port: pcap: %w", err)
		}
	}
	return chunks, err
}
