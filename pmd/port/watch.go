package port

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// LinkEvent is a change of a kernel network device.
type LinkEvent struct {
	Name    string
	Index   int
	Up      bool // administratively up
	Carrier bool // the cable is in and the other side is up
	MTU     int
	MAC     string
	Added   bool // new, or there when the watch began
	Removed bool // gone: deleted, or moved to another namespace
}

// resubscribe is the pause after the kernel has broken off a subscription.
const resubscribe = 100 * time.Millisecond

// WatchLinks calls f for every device of the calling thread's network namespace
// as it is now (Added), and then for every change, until ctx is done. It returns
// once the watch runs; f is called by one goroutine, one event at a time, on a
// thread in that namespace, so that it may open ports there. An event differs from
// the device's last in something. Events that the kernel could
// not deliver are made up for by listing the devices again.
func WatchLinks(ctx context.Context, f func(LinkEvent)) error {
	ns, err := netns.Get()
	if err != nil {
		return fmt.Errorf("port: watch links: own namespace: %w", err)
	}
	w := &linkWatch{ns: ns, known: map[int]LinkEvent{}, f: f}
	updates, stop, err := w.subscribe()
	if err != nil {
		ns.Close()
		return fmt.Errorf("port: watch links: %w", err)
	}
	entered := make(chan error)
	go func() {
		// The thread is never unlocked: it ends with the goroutine.
		runtime.LockOSThread()
		err := netns.Set(ns)
		entered <- err
		if err == nil {
			w.run(ctx, updates, stop)
		}
	}()
	if err := <-entered; err != nil {
		finish(updates, stop)
		ns.Close()
		return fmt.Errorf("port: watch links: enter namespace: %w", err)
	}
	return nil
}

// linkWatch is one running watch; its goroutine owns it.
type linkWatch struct {
	ns    netns.NsHandle
	known map[int]LinkEvent // by index
	f     func(LinkEvent)
}

// run handles updates until ctx is done.
func (w *linkWatch) run(ctx context.Context, updates <-chan netlink.LinkUpdate, stop chan struct{}) {
	defer w.ns.Close()
	for {
		err := w.list()
		for open := err == nil; open; {
			var u netlink.LinkUpdate
			select {
			case <-ctx.Done():
				finish(updates, stop)
				return
			case u, open = <-updates:
				if open {
					w.update(u)
				}
			}
		}
		finish(updates, stop)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(resubscribe):
			}
			if updates, stop, err = w.subscribe(); err == nil {
				break
			}
		}
	}
}

// finish ends a subscription and lets its goroutine go.
func finish(updates <-chan netlink.LinkUpdate, stop chan struct{}) {
	close(stop)
	for range updates {
	}
}

// subscribe begins to receive updates of the watched namespace.
func (w *linkWatch) subscribe() (<-chan netlink.LinkUpdate, chan struct{}, error) {
	updates, stop := make(chan netlink.LinkUpdate, 64), make(chan struct{})
	err := netlink.LinkSubscribeWithOptions(updates, stop, netlink.LinkSubscribeOptions{
		Namespace:     &w.ns,
		ErrorCallback: func(error) {}, // it closes updates as well, which is what run looks at
	})
	if err != nil {
		close(stop)
		return nil, nil, fmt.Errorf("subscribe: %w", err)
	}
	return updates, stop, nil
}

// list compares all devices with what is known.
func (w *linkWatch) list() error {
	h, err := netlink.NewHandleAt(w.ns)
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	defer h.Close()
	links, err := h.LinkList()
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	gone := make(map[int]LinkEvent, len(w.known))
	for index, e := range w.known {
		gone[index] = e
	}
	for _, l := range links {
		delete(gone, l.Attrs().Index)
		w.see(eventOf(l))
	}
	for _, e := range gone {
		w.lose(e)
	}
	return nil
}

// update handles one message of the kernel.
func (w *linkWatch) update(u netlink.LinkUpdate) {
	e := eventOf(u.Link)
	if u.IfInfomsg.Family == unix.AF_BRIDGE {
		return // a device joins or leaves a bridge: that is not its end
	}
	if u.Header.Type == unix.RTM_DELLINK {
		if last, ok := w.known[e.Index]; ok {
			w.lose(last)
		}
		return
	}
	w.see(e)
}

// see reports a device that differs from what is known of it.
func (w *linkWatch) see(e LinkEvent) {
	last, ok := w.known[e.Index]
	if ok && last == e {
		return
	}
	w.known[e.Index] = e
	e.Added = !ok
	w.f(e)
}

// lose reports a device that is gone.
func (w *linkWatch) lose(e LinkEvent) {
	delete(w.known, e.Index)
	e.Up, e.Carrier, e.Removed = false, false, true
	w.f(e)
}

// eventOf describes a device as it is.
func eventOf(l netlink.Link) LinkEvent {
	a := l.Attrs()
	return LinkEvent{
		Name:    a.Name,
		Index:   a.Index,
		Up:      a.Flags&net.FlagUp != 0,
		Carrier: a.Flags&net.FlagUp != 0 && a.OperState != netlink.OperDown && a.OperState != netlink.OperLowerLayerDown,
		MTU:     a.MTU,
		MAC:     a.HardwareAddr.String(),
	}
}
