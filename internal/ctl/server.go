package ctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// What a client may hold of a server.
const (
	maxConns    = 64
	idleTimeout = 60 * time.Second // between requests
	sendTimeout = 10 * time.Second // for the client to read a reply
)

// Handler does one command. Its error is shown to the person who asked.
type Handler func(args []string) (string, error)

type command struct {
	name, usage      string
	minArgs, maxArgs int
	fn               Handler
}

// Server answers commands. Make one with NewServer, Register all commands, then
// Listen.
type Server struct {
	version  string
	log      *slog.Logger
	commands map[string]*command

	serving sync.Mutex // held while a handler runs
	wg      sync.WaitGroup

	mu       sync.Mutex // guards what follows
	listener *listener
	conns    map[net.Conn]struct{}
	closed   bool
}

// NewServer returns a server that knows list-commands, help, version and
// set-options. log gets what is worth knowing of clients; nil is silence.
func NewServer(version string, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{version: version, log: log, commands: map[string]*command{}, conns: map[net.Conn]struct{}{}}
	s.Register("list-commands", "", 0, 0, func([]string) (string, error) { return s.list(), nil })
	s.Register("help", "", 0, 0, func([]string) (string, error) { return s.list(), nil })
	s.Register("version", "", 0, 0, func([]string) (string, error) { return s.version, nil })
	return s
}

// Register adds a command. usage shows its arguments, as "[--json] [PORT]"; fn is
// called with minArgs to maxArgs of them (maxArgs < 0: any number). A name that is
// taken is a bug of the caller and panics. Register before Listen.
func (s *Server) Register(name, usage string, minArgs, maxArgs int, fn func(args []string) (string, error)) {
	if s.commands[name] != nil || name == "set-options" {
		panic("ctl: command " + name + " registered twice")
	}
	s.commands[name] = &command{name, usage, minArgs, maxArgs, fn}
}

// Alias makes alias another name of the command name.
func (s *Server) Alias(alias, name string) {
	c := s.commands[name]
	if c == nil {
		panic("ctl: alias " + alias + " of unknown command " + name)
	}
	s.Register(alias, c.usage, c.minArgs, c.maxArgs, c.fn)
}

func (s *Server) list() string {
	var names []string
	for n := range s.commands {
		names = append(names, n)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("The available commands are:\n")
	for _, n := range names {
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %-30s %s", n, s.commands[n].usage), " "))
	}
	return b.String()
}

// Listen makes the socket at path (mode 0600, its folder if need be) and answers
// in the background until Close. A socket left by a switch that died is replaced;
// one that a living switch answers is an error of type *InUseError.
func (s *Server) Listen(path string) error {
	l, err := listen(path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.listener != nil {
		return errors.Join(errors.New("control socket: the server listens already, or is closed"), l.Close())
	}
	s.listener = l
	s.wg.Go(func() { s.accept(l) })
	return nil
}

// Close removes the socket, cuts clients off and waits for the handler that runs.
// It must not be called from a handler.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	var err error
	if s.listener != nil {
		err = s.listener.Close()
		s.listener = nil
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

func (s *Server) accept(l *listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.log.Warn("control socket: accept failed", "err", err)
			time.Sleep(100 * time.Millisecond) // out of descriptors: some will be closed
			continue
		}
		s.mu.Lock()
		full := len(s.conns) >= maxConns
		if full || s.closed {
			s.mu.Unlock()
			if full {
				s.log.Warn("control socket: client refused, too many are connected", "most", maxConns)
			}
			conn.Close()
			continue
		}
		s.conns[conn] = struct{}{}
		s.wg.Go(func() { s.serve(conn) })
		s.mu.Unlock()
	}
}

// serve answers one client until it goes, errs or is too slow.
func (s *Server) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	r := newRequestReader(conn)
	asJSON := false
	for {
		_ = conn.SetReadDeadline(time.Now().Add(idleTimeout)) // fails only on a closed conn, which Read says too
		q, err := r.read()
		if err != nil {
			s.log.Debug("control socket: client gone", "why", err)
			return
		}
		var rep reply
		if q.Method == "set-options" {
			rep = setOptions(q, &asJSON)
		} else {
			rep = s.answer(q, asJSON)
		}
		if string(q.ID) == "null" {
			continue // a notification wants no answer
		}
		b, err := json.Marshal(rep)
		if err != nil {
			s.log.Error("control socket: reply can't be written", "command", q.Method, "err", err)
			return
		}
		_ = conn.SetWriteDeadline(time.Now().Add(sendTimeout))
		if _, err := conn.Write(b); err != nil {
			s.log.Debug("control socket: client gone before its reply", "command", q.Method, "why", err)
			return
		}
	}
}

// setOptions is what newer clients of Open vSwitch ask for first: the format of
// replies on this connection.
func setOptions(q *request, asJSON *bool) reply {
	if len(q.Params) != 2 || q.Params[0] != "--format" || (q.Params[1] != "json" && q.Params[1] != "text") {
		return reply{ID: q.ID, Error: "set-options takes --format text or --format json\n"}
	}
	*asJSON = q.Params[1] == "json"
	return reply{ID: q.ID, Result: ""}
}

// answer runs the command that q asks for.
func (s *Server) answer(q *request, asJSON bool) reply {
	args := q.Params
	if asJSON && !slices.Contains(args, "--json") {
		if c := s.commands[q.Method]; c != nil && strings.Contains(c.usage, "--json") {
			args = append(slices.Clip(args), "--json")
		}
	}
	text, err := s.run(q.Method, args)
	if err != nil {
		return reply{ID: q.ID, Error: line(err.Error())}
	}
	if asJSON && json.Valid([]byte(text)) {
		return reply{ID: q.ID, Result: json.RawMessage(text)}
	}
	return reply{ID: q.ID, Result: line(text)}
}

func (s *Server) run(name string, args []string) (text string, err error) {
	c := s.commands[name]
	switch {
	case c == nil:
		return "", fmt.Errorf("%q is not a valid command (use list-commands to see a list of valid commands)", name)
	case len(args) < c.minArgs:
		return "", fmt.Errorf("%q takes at least %d arguments, not %d: %s %s", name, c.minArgs, len(args), name, c.usage)
	case c.maxArgs >= 0 && len(args) > c.maxArgs:
		return "", fmt.Errorf("%q takes at most %d arguments, not %d: %s %s", name, c.maxArgs, len(args), name, c.usage)
	}
	s.serving.Lock()
	defer s.serving.Unlock()
	// A mistake in a display must not end the forwarding of packets.
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("control socket: command panicked", "command", name, "args", args, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("%s failed inside the switch, whose log has the details: %v", name, r)
		}
	}()
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return "", errors.New("the switch is stopping")
	}
	return c.fn(args)
}
