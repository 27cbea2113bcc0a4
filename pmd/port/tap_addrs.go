package port

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ChangeAddrs gives the interface with this index the addresses of now, and takes from
// it those of was that are none of them. Others, which somebody else gave it, stay.
// On an error it has those of was.
func ChangeAddrs(index int, was, now []string) error {
	link, err := netlink.LinkByIndex(index)
	if err != nil {
		return fmt.Errorf("port: change addresses: %w", err)
	}
	if err := changeAddrs(link, was, now); err != nil {
		return errors.Join(fmt.Errorf("port: change addresses of %s: %w", link.Attrs().Name, err), changeAddrs(link, now, was))
	}
	return nil
}

// changeAddrs first removes: with the first address of a network the kernel takes the
// others of it away, and a new one beside it would go with it. So all of now are given
// again.
func changeAddrs(link netlink.Link, was, now []string) error {
	for _, text := range was {
		if slices.Contains(now, text) {
			continue
		}
		addr, err := netlink.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("address %q: %w", text, err)
		}
		if err := netlink.AddrDel(link, addr); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("remove address %s: %w", text, err)
		}
	}
	for _, text := range now {
		addr, err := netlink.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("address %q: %w", text, err)
		}
		if err := netlink.AddrReplace(link, addr); err != nil {
			return fmt.Errorf("add address %s: %w", text, err)
		}
	}
	return nil
}
