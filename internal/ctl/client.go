package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CallTimeout is how long Call waits for an answer.
const CallTimeout = 30 * time.Second

// NoSwitchError says that nothing answers at the path.
type NoSwitchError struct {
	Path string
	Err  error
}

func (e *NoSwitchError) Error() string {
	return fmt.Sprintf("no switch answers at %s; start one with pollux run -c FILE, or say with --socket where it is", e.Path)
}

// Unwrap returns the reason.
func (e *NoSwitchError) Unwrap() error { return e.Err }

// CommandError is what the switch answered instead of a result.
type CommandError struct{ Msg string }

func (e *CommandError) Error() string { return e.Msg }

// Call asks the switch at the socket sock to do a command and returns its answer.
// The error is a *NoSwitchError where none is, a *CommandError where the switch
// says no, or says what went wrong on the way.
func Call(sock, method string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), CallTimeout)
	defer cancel()
	return CallContext(ctx, sock, method, args...)
}

// CallContext is Call that ends with ctx at the latest.
func CallContext(ctx context.Context, sock, method string, args ...string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", sock)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOTDIR):
		return "", &NoSwitchError{sock, err}
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("%s belongs to another user: run this command as the one who runs the switch (root)", sock)
	case err != nil:
		return "", fmt.Errorf("switch at %s: %w", sock, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	text, err := roundTrip(conn, method, args)
	if cerr := ctx.Err(); cerr != nil && err != nil {
		return "", fmt.Errorf("switch at %s gave no answer to %s: %w", sock, method, cerr)
	}
	var ce *CommandError
	if err != nil && !errors.As(err, &ce) {
		return "", fmt.Errorf("switch at %s: %w", sock, err)
	}
	return text, err
}

func roundTrip(conn io.ReadWriter, method string, args []string) (string, error) {
	if args == nil {
		args = []string{}
	}
	b, err := json.Marshal(request{Method: method, Params: args, ID: json.RawMessage("0")})
	if err != nil {
		return "", fmt.Errorf("request: %w", err)
	}
	if _, err := conn.Write(b); err != nil {
		return "", fmt.Errorf("request: %w", err)
	}
	var r struct {
		Result json.RawMessage `json:"result"`
		Error  *string         `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(conn, maxReply)).Decode(&r); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
			err = errors.New("it hung up before it answered")
		}
		return "", fmt.Errorf("reply: %w", err)
	}
	if r.Error != nil {
		return "", &CommandError{strings.TrimSuffix(*r.Error, "\n")}
	}
	var s string
	if err := json.Unmarshal(r.Result, &s); err != nil {
		return "", fmt.Errorf("reply: result is not text: %w", err)
	}
	return s, nil
}
