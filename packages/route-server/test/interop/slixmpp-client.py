"""A forwarder as python3-slixmpp would be one: a plain publish-subscribe client (XEP-0060) that a test drives.

Started with one argument, an object in JSON: address, port, tls (direct or starttls), jid, and of
password, ca, certificate, key and mechanism what there is.
Reads one request a line, as JSON, and answers each with one line; what the server sends on its own is a line, too. Knows
nothing of hostpe: what it publishes is the XML that it is told, what it hears it reads as an entry of the draft.
"""
import asyncio
import json
import sys
import xml.etree.ElementTree as ET

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import StanzaPath

ENTRY = '{urn:ietf:params:xml:ns:bgp:l3vpn:unicast}'


def say(**line):
    print(json.dumps(line), flush=True)


def notation(item):
    """What an item says: `+PREFIX NEXTHOP/LABEL,...` or `-ID`."""
    if item.name == 'retract':
        return '-' + item['id']
    entry = item['payload']

    def texts(element, *path):
        return [one.text for one in element.findall('/'.join(ENTRY + name for name in path))]

    hops = entry.findall(f'{ENTRY}next-hops/{ENTRY}next-hop')
    nexthops = [texts(hop, 'address')[0] + '/' + texts(hop, 'label')[0] for hop in hops]
    return '+' + texts(entry, 'nlri', 'address')[0] + ' ' + ','.join(nexthops)


class Forwarder(ClientXMPP):
    def __init__(self, jid, password=None, certificate=None, key=None, ca=None, mechanism=None, **_):
        super().__init__(jid, password, sasl_mech=mechanism)
        self.ca_certs = ca
        self.certfile = certificate
        self.keyfile = key
        self.ended = False
        self.register_plugin('xep_0060')
        self.register_plugin('xep_0199')
        heard = Callback('heard', StanzaPath('message/pubsub_event/items'), self.heard)
        self.register_handler(heard)
        self.add_event_handler('session_start', self.online)
        self.add_event_handler('failed_all_auth', lambda _: self.offline('authentication'))
        self.add_event_handler('disconnected', lambda _: self.offline('disconnected'))

    def online(self, _):
        mechanism = self['feature_mechanisms'].mech.name
        say(event='online', jid=self.boundjid.full, mechanism=mechanism, starttls='starttls' in self.features)

    def offline(self, why):
        if not self.ended:
            self.ended = True
            say(event='offline', why=why)
            self.abort()

    def heard(self, message):
        items = message['pubsub_event']['items']
        say(event='heard', node=items['node'], items=[notation(item) for item in items])

    async def do(self, request):
        pubsub, server = self['xep_0060'], self.boundjid.domain
        verb, node = request['do'], request.get('node')
        if verb == 'subscribe':
            answer = await pubsub.subscribe(server, node)
            return answer['pubsub']['subscription']['subscription']
        if verb == 'unsubscribe':
            await pubsub.unsubscribe(server, node)
        elif verb == 'publish':
            await pubsub.publish(server, node, id=request['id'], payload=ET.fromstring(request['entry']))
        elif verb == 'retract':
            await pubsub.retract(server, node, request['id'])
        elif verb == 'end-of-rib':
            await pubsub.publish(server, node)
        elif verb == 'ping':
            await self['xep_0199'].ping(server)
        else:
            raise ValueError(verb)
        return 'done'

    async def answer(self, request):
        try:
            say(answer=await self.do(request))
        except IqError as error:
            say(refused=f'{error.etype} {error.condition}', text=error.text)
        except IqTimeout:
            say(refused='no answer')


async def main():
    told = json.loads(sys.argv[1])
    forwarder = Forwarder(**told)
    # Without reconnecting: an attempt that fails is one line and the end of it.
    forwarder.connect((told['address'], told['port']), use_ssl=told['tls'] == 'direct')
    requests = asyncio.StreamReader()
    reading = asyncio.StreamReaderProtocol(requests)
    await asyncio.get_running_loop().connect_read_pipe(lambda: reading, sys.stdin)
    async for line in requests:
        await forwarder.answer(json.loads(line))


asyncio.run(main())
