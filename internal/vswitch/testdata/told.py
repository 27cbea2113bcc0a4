# A controller that does as it is told, a command a line of its standard input, and prints what
# the switch says, up to the reply to a barrier: "done". POLLUX_OPENFLOW is its version: 13, 14 or
# 15; in 1.0 os-ken does not survive an error message.
import os
import sys

from eventlet.hubs import trampoline
from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, DEAD_DISPATCHER, HANDSHAKE_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import hub
from os_ken.ofproto import ofproto_v1_3, ofproto_v1_4, ofproto_v1_5

VERSION = {'13': ofproto_v1_3, '14': ofproto_v1_4, '15': ofproto_v1_5}[os.environ['POLLUX_OPENFLOW']]
ROLES = {'nochange': 0, 'equal': 1, 'master': 2, 'slave': 3}
FRAME = bytes.fromhex('020000000001020000000002' + '88b5' + 46 * '00')


def say(*words):
    print(*words, flush=True)


class Told(app_manager.OSKenApp):
    OFP_VERSIONS = [VERSION.OFP_VERSION]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.dp = None

    def start(self):
        super().start()
        self.reader = hub.spawn(self.read)

    def read(self):
        rest = b''
        while True:
            trampoline(0, read=True)
            data = os.read(0, 4096)
            if not data:
                os._exit(0)
            rest += data
            while b'\n' in rest:
                line, rest = rest.split(b'\n', 1)
                if self.dp is None:
                    say('no switch')
                    continue
                words = line.decode().split()
                getattr(self, 'do_' + words[0])(*words[1:])
                self.dp.send_msg(self.dp.ofproto_parser.OFPBarrierRequest(self.dp))

    # What it can be told.

    def do_nothing(self):
        pass

    def do_role(self, role, generation='0'):
        p = self.dp.ofproto_parser
        n = ROLES.get(role) if role in ROLES else int(role)
        self.dp.send_msg(p.OFPRoleRequest(self.dp, role=n, generation_id=int(generation, 0)))

    def actions(self, port):
        return [self.dp.ofproto_parser.OFPActionOutput(int(port))]

    def do_flow(self, priority, port):
        p, ofp = self.dp.ofproto_parser, self.dp.ofproto
        inst = [p.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, self.actions(port))]
        self.dp.send_msg(p.OFPFlowMod(datapath=self.dp, priority=int(priority), match=p.OFPMatch(), instructions=inst))

    def do_group(self, number):
        p, ofp = self.dp.ofproto_parser, self.dp.ofproto
        self.dp.send_msg(p.OFPGroupMod(self.dp, command=ofp.OFPGC_ADD, type_=ofp.OFPGT_ALL, group_id=int(number), buckets=[]))

    def do_meter(self, number):
        p, ofp = self.dp.ofproto_parser, self.dp.ofproto
        self.dp.send_msg(p.OFPMeterMod(self.dp, ofp.OFPMC_ADD, ofp.OFPMF_KBPS, int(number), [p.OFPMeterBandDrop(1000, 0)]))

    def do_port(self, number):
        p, ofp = self.dp.ofproto_parser, self.dp.ofproto
        self.dp.send_msg(p.OFPPortMod(self.dp, int(number), '02:00:00:00:00:01', ofp.OFPPC_NO_FWD, ofp.OFPPC_NO_FWD))

    def do_table(self, number):
        p = self.dp.ofproto_parser
        if self.dp.ofproto.OFP_VERSION == ofproto_v1_3.OFP_VERSION:
            self.dp.send_msg(p.OFPTableMod(self.dp, int(number), 0))
        else:
            self.dp.send_msg(p.OFPTableMod(self.dp, int(number), 0, []))

    def do_bundle(self, number):
        p, ofp = self.dp.ofproto_parser, self.dp.ofproto
        self.dp.send_msg(p.OFPBundleCtrlMsg(self.dp, int(number), ofp.OFPBCT_OPEN_REQUEST, 0, []))

    def do_normal(self, priority):
        self.do_flow(priority, self.dp.ofproto.OFPP_NORMAL)

    def do_packet(self, port):
        p, ofp = self.dp.ofproto_parser, self.dp.ofproto
        args = dict(datapath=self.dp, buffer_id=ofp.OFP_NO_BUFFER, actions=self.actions(port), data=FRAME)
        if ofp.OFP_VERSION == ofproto_v1_5.OFP_VERSION:
            args['match'] = p.OFPMatch(in_port=ofp.OFPP_CONTROLLER)
        else:
            args['in_port'] = ofp.OFPP_CONTROLLER
        self.dp.send_msg(p.OFPPacketOut(**args))

    def do_description(self):
        p = self.dp.ofproto_parser
        self.dp.send_msg(p.OFPDescStatsRequest(self.dp, 0))

    # What it is told.

    @set_ev_cls(ofp_event.EventOFPStateChange, [MAIN_DISPATCHER, DEAD_DISPATCHER])
    def state(self, ev):
        if ev.state == MAIN_DISPATCHER:
            self.dp = ev.datapath
            say('connected')
        elif self.dp is ev.datapath:
            self.dp = None
            say('gone')

    @set_ev_cls(ofp_event.EventOFPBarrierReply, MAIN_DISPATCHER)
    def barrier(self, ev):
        say('done')

    @set_ev_cls(ofp_event.EventOFPErrorMsg, [HANDSHAKE_DISPATCHER, CONFIG_DISPATCHER, MAIN_DISPATCHER])
    def error(self, ev):
        say('error type=%d code=%d' % (ev.msg.type, ev.msg.code))

    @set_ev_cls(ofp_event.EventOFPDescStatsReply, MAIN_DISPATCHER)
    def description(self, ev):
        say('description')

    @set_ev_cls(ofp_event.EventOFPRoleReply, MAIN_DISPATCHER)
    def replied(self, ev):
        say('role', *role(ev))


def role(ev):
    names = {v: k for k, v in ROLES.items()}
    m = ev.msg
    return names.get(m.role, m.role), hex(m.generation_id)


if VERSION is not ofproto_v1_3:
    @set_ev_cls(ofp_event.EventOFPRoleStatus, MAIN_DISPATCHER)
    def status(self, ev):
        say('status', *role(ev), 'reason', ev.msg.reason)
    Told.status = status
