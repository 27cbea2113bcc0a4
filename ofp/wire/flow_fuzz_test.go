package wire

import (
	"errors"
	"reflect"
	"testing"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// FuzzFlowMod: whatever comes as a flow mod is refused with an OpenFlow error, or written
// in a way that is read again, and written as the same bytes then.
func FuzzFlowMod(f *testing.F) {
	eachFlowMod(f, func(_ string, v Version, style Style, msg []byte) { f.Add(uint8(v), style.NXM, style.TableID, msg) })
	f.Fuzz(func(t *testing.T, version uint8, nxm, tableID bool, msg []byte) {
		v := spoken[int(version)%len(spoken)]
		for _, s := range spoken {
			if uint8(s) == version {
				v = s
			}
		}
		style := Style{NXM: nxm && v == V10, TableID: tableID}
		if len(msg) < HeaderLen+8 || len(msg) > MaxLen {
			return
		}
		fm, buffer, err := readFlowMod(v, style, msg)
		if err != nil {
			var e ofperr.Error
			if !errors.As(err, &e) {
				t.Fatalf("no OpenFlow error: %v", err)
			}
			return
		}
		again := AppendFlowMod(nil, v, 2, &fm, buffer, style)
		if len(again) == MaxLen {
			return // cut
		}
		back, buffer2, err := readFlowMod(v, style, again)
		if err != nil {
			t.Fatalf("%+v\nis written as %x\nand not read again: %v", fm, again, err)
		}
		// Some actions have several forms, of which the first writing chose one.
		if third := AppendFlowMod(nil, v, 2, &back, buffer2, style); string(third) != string(again) {
			t.Fatalf("%+v\nis written as %x\nand then as %x", fm, again, third)
		}
	})
}

// FuzzFlowRequest: so do requests for flows.
func FuzzFlowRequest(f *testing.F) {
	for _, v := range spoken {
		f.Add(uint8(v), false, AppendFlowRequest(nil, v, 1, Multipart{Part: PartFlow}, &pipeline.FlowFilter{Table: 3, OutPort: 7, OutGroup: pipeline.AnyGroup})[HeaderLen+partHead(v):])
	}
	f.Fuzz(func(t *testing.T, version uint8, nx bool, body []byte) {
		v := spoken[int(version)%len(spoken)]
		m := Multipart{Part: PartFlow, Body: body}
		if nx && v == V10 {
			m = Multipart{Part: PartExperimenter, Vendor: Nicira, Subtype: NXFlow, Body: body}
		}
		filter, err := ParseFlowRequest(v, m)
		if err != nil {
			var e ofperr.Error
			if !errors.As(err, &e) {
				t.Fatalf("no OpenFlow error: %v", err)
			}
			return
		}
		msg := AppendFlowRequest(nil, v, 1, m, &filter)
		again, err := ParseMultipart(v, msg[HeaderLen:])
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseFlowRequest(v, again)
		if err != nil || !reflect.DeepEqual(filter, back) {
			t.Fatalf("%+v is written as %x and read as %+v, %v", filter, msg, back, err)
		}
	})
}
