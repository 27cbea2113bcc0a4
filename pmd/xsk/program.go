package xsk

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// xdpPass is the verdict for a frame whose queue has no socket: on to the host.
const xdpPass = 2

// Program is an XDP program on a device, with its map from queue to socket.
//
// The program has five instructions: redirect to the socket of the frame's
// queue, and if there is none, pass. The attachment is a bpf_link, which the
// kernel takes away with the process that holds it: after a crash the device
// serves the host again.
type Program struct {
	prog *ebpf.Program
	xsks *ebpf.Map
	link link.Link
}

// Attach loads the program for a device of so many queues and puts it on, in the
// driver or in the generic hook. It fails if another XDP program is there.
func Attach(ifindex, queues int, generic bool) (p *Program, err error) {
	p = &Program{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
			p = nil
		}
	}()
	p.xsks, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "pollux_xsks", Type: ebpf.XSKMap, KeySize: 4, ValueSize: 4, MaxEntries: uint32(queues),
	})
	if err != nil {
		return p, fmt.Errorf("make map of sockets: %w", err)
	}
	p.prog, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "pollux_redirect", Type: ebpf.XDP, License: "Apache-2.0",
		Instructions: asm.Instructions{
			asm.LoadMem(asm.R2, asm.R1, 16, asm.Word), // xdp_md.rx_queue_index
			asm.LoadMapPtr(asm.R1, p.xsks.FD()),
			asm.Mov.Imm(asm.R3, xdpPass),
			asm.FnRedirectMap.Call(),
			asm.Return(),
		},
	})
	if err != nil {
		return p, fmt.Errorf("load XDP program: %w", err)
	}
	flags, hook := link.XDPDriverMode, "driver"
	if generic {
		flags, hook = link.XDPGenericMode, "generic"
	}
	p.link, err = link.AttachXDP(link.XDPOptions{Program: p.prog, Interface: ifindex, Flags: flags})
	if err != nil {
		return p, fmt.Errorf("attach XDP program in the %s hook: %w", hook, err)
	}
	return p, nil
}

// Register sends the frames of a queue to a socket.
func (p *Program) Register(queue int, s *Socket) error {
	if err := p.xsks.Put(uint32(queue), uint32(s.FD())); err != nil {
		return fmt.Errorf("register socket of queue %d: %w", queue, err)
	}
	return nil
}

// Close takes the program off the device and frees it. A device that is gone
// has taken it off itself.
func (p *Program) Close() error {
	var errs []error
	if p.link != nil {
		errs = append(errs, p.link.Close())
	}
	if p.prog != nil {
		errs = append(errs, p.prog.Close())
	}
	if p.xsks != nil {
		errs = append(errs, p.xsks.Close())
	}
	*p = Program{}
	return errors.Join(errs...)
}
