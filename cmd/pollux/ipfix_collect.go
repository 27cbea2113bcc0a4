package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"pollux/ipfix/collector"
)

// listenTransports are those that collect takes.
var listenTransports = []string{"udp", "tcp", "tls", "dtls"}

// tlsFiles are the files of a listener for TLS.
type tlsFiles struct{ cert, key, clientCA string }

func newIPFIXCollectCmd() *cobra.Command {
	var p recordPrinter
	var files tlsFiles
	var dur time.Duration
	cmd := &cobra.Command{
		Use:   "collect [udp:|tcp:|tls:|dtls:]HOST:PORT…",
		Short: "A small collector: print records as they come",
		Long: `Listen for exporters, print each record as it comes, and at the end what they add up
to. Without a transport it is UDP. For tls: and dtls: a certificate is needed; with
--client-ca exporters need one too. It ends on Ctrl-C, or after --for.

  pollux ipfix collect 127.0.0.1:4739
  pollux ipfix collect tcp:[::1]:4739 --json --for 1m
  pollux ipfix collect tls:0.0.0.0:4740 --cert cert.pem --key key.pem

It keeps sums of a million flows, and no records.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("collect needs an address, as in pollux ipfix collect udp:127.0.0.1:4739")
			}
			for _, a := range args {
				if _, _, err := parseListen(a); err != nil {
					return err
				}
			}
			if dur != 0 {
				return checkDuration("for", dur, 10*time.Millisecond, 1000*time.Hour)
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"udp:", "tcp:", "tls:", "dtls:"}, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := untilSignal(cmd)
			defer stop()
			context.AfterFunc(ctx, stop) // a second Ctrl-C ends it whatever it waits for
			if dur > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, dur)
				defer cancel()
			}
			return collect(ctx, cmd, args, files, &p)
		},
	}
	p.flags(cmd)
	f := cmd.Flags()
	f.DurationVar(&dur, "for", 0, "end after this time [on Ctrl-C]")
	f.StringVar(&files.cert, "cert", "", "certificate of tls: and dtls: listeners, PEM")
	f.StringVar(&files.key, "key", "", "its key, PEM")
	f.StringVar(&files.clientCA, "client-ca", "", "authorities that exporters' certificates are checked with, PEM [exporters need none]")
	return cmd
}

// parseListen splits an address into transport and host:port.
func parseListen(s string) (transport, addr string, err error) {
	transport, addr = "udp", s
	for _, t := range listenTransports {
		if rest, ok := strings.CutPrefix(s, t+":"); ok {
			transport, addr = t, rest
		}
	}
	if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
		return "", "", fmt.Errorf("%q is no address to listen on: want HOST:PORT, udp:HOST:PORT, or tcp:, tls:, dtls: likewise", s)
	}
	return transport, addr, nil
}

// collect listens until ctx ends.
func collect(ctx context.Context, cmd *cobra.Command, args []string, files tlsFiles, p *recordPrinter) error {
	out := &lockedWriter{w: bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)}
	p.out = out
	c := collector.New()
	c.OnRecord(p.print)
	for _, a := range args {
		if err := listen(c, a, files); err != nil {
			return errors.Join(err, c.Close())
		}
	}
	for i, addr := range c.Addrs() {
		transport, _, _ := parseListen(args[i]) // checked before
		fmt.Fprintf(cmd.ErrOrStderr(), "listening on %s:%s\n", transport, addr)
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			if err := out.flush(); err != nil {
				return errors.Join(fmt.Errorf("write: %w", err), c.Close())
			}
		}
	}
	err := c.Close()
	return errors.Join(err, p.summary(c), out.flush())
}

// listen opens one address.
func listen(c *collector.Collector, arg string, files tlsFiles) error {
	transport, addr, err := parseListen(arg)
	if err != nil {
		return err
	}
	switch transport {
	case "tcp":
		return c.ListenTCP(addr)
	case "tls", "dtls":
		cfg, err := files.config()
		if err != nil {
			return fmt.Errorf("%s: %w", transport, err)
		}
		if transport == "dtls" {
			return c.ListenDTLS(addr, cfg.Certificates[0], cfg.ClientCAs)
		}
		return c.ListenTLS(addr, cfg)
	}
	return c.ListenUDP(addr)
}

// config reads the files.
func (f tlsFiles) config() (*tls.Config, error) {
	if f.cert == "" || f.key == "" {
		return nil, errors.New("needs --cert FILE and --key FILE")
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("--cert %s, --key %s: %w", f.cert, f.key, err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if f.clientCA == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(f.clientCA)
	if err != nil {
		return nil, fmt.Errorf("--client-ca: %w", err)
	}
	cfg.ClientCAs, cfg.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--client-ca %s: no certificate in it, want PEM", f.clientCA)
	}
	return cfg, nil
}

// lockedWriter is a buffered writer that is flushed beside its use.
type lockedWriter struct {
	mu sync.Mutex
	w  *bufio.Writer
}

// Write keeps b for the next flush, or writes when there is much.
func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (l *lockedWriter) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Flush()
}
