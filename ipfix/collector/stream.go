package collector

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// TruncatedError says that a stream ends inside a message.
type TruncatedError struct {
	Offset int64 // bytes from the start to the message that is not whole
	Have   int   // bytes of it
	Want   int   // bytes that it says it has, or those of its header
}

// Error says where and how much.
func (e *TruncatedError) Error() string {
	return fmt.Sprintf("truncated: the message at byte %d has %d of its %d bytes", e.Offset, e.Have, e.Want)
}

// ReadFile reads an IPFIX file (RFC 5655). On an error the collector is not nil and
// has what came before.
func ReadFile(path string) (*Collector, error) {
	c := New()
	return c, c.ReadFile(path)
}

// ReadStream reads messages that follow one another until the end of r: an IPFIX
// file, or what a connection carried. On an error the collector is not nil and has
// what came before; one of a stream that ends early wraps a TruncatedError.
func ReadStream(r io.Reader) (*Collector, error) {
	c := New()
	return c, c.ReadStream("stream", r)
}

// ReadFile reads one more file.
func (c *Collector) ReadFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err // says which file
	}
	defer f.Close()
	return c.ReadStream(path, f)
}

// ReadStream reads one more stream, which errors and Sessions call name.
func (c *Collector) ReadStream(name string, r io.Reader) error {
	s := newSession("file", name)
	defer c.end(s)
	if err := c.stream(s, r); err != nil {
		c.note(fmt.Errorf("%s: %w", name, err))
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// stream takes messages framed by their own lengths (RFC 7011 section 10.4) until
// the end, or until one that cannot be the start of a message. The session is known
// to the collector from its first message on.
func (c *Collector) stream(s *session, r io.Reader) error {
	in := bufio.NewReaderSize(r, 65536)
	buf := make([]byte, 65536)
	for off := int64(0); ; {
		n, err := io.ReadFull(in, buf[:headerLen])
		switch {
		case err == io.EOF:
			return nil
		case err == io.ErrUnexpectedEOF:
			if n >= 2 && binary.BigEndian.Uint16(buf) != version {
				return fmt.Errorf("at byte %d: version %d: want %d, an IPFIX message", off, binary.BigEndian.Uint16(buf), version)
			}
			return &TruncatedError{off, n, headerLen}
		case err != nil:
			return err
		}
		if v := binary.BigEndian.Uint16(buf); v != version {
			return fmt.Errorf("at byte %d: version %d: want %d, an IPFIX message", off, v, version)
		}
		size := int(binary.BigEndian.Uint16(buf[2:]))
		if size < headerLen {
			return fmt.Errorf("at byte %d: message of length %d: want at least the %d of a header", off, size, headerLen)
		}
		n, err = io.ReadFull(in, buf[headerLen:size])
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return &TruncatedError{off, headerLen + n, size}
		case err != nil:
			return err
		}
		if err := c.streamMessage(s, buf[:size]); err != nil {
			return fmt.Errorf("at byte %d: %w", off, err)
		}
		off += int64(size)
	}
}

// streamMessage takes one whole message of a stream; the error is one to close for.
func (c *Collector) streamMessage(s *session, b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.heard == 0 {
		c.admit(s)
	}
	err := c.message(s, b)
	if err != nil && !errors.Is(err, errSession) {
		c.fail(fmt.Errorf("%s: %w", s.peer, err))
		return nil // the next message begins where this one ends
	}
	return err
}

// end marks a session as over; what it told can still be asked for.
func (c *Collector) end(s *session) {
	c.mu.Lock()
	s.closed = true
	c.mu.Unlock()
}
