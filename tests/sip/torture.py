"""Messages that RFC 4475 (SIP torture tests) and RFC 5118 (torture tests for IPv6) describe, made anew, and some of our own.

CASES are functions of a Sender, which gives addresses and fresh ids, to bytes; each with the statuses that a stranger and the trusted
peer may get for it: 0 is silence. Where RFC 3261 leaves the choice to the server, the set says so. tests/fuzz mutates them.
"""
import re
from collections import namedtuple

from message import sdp_write, token

Case = namedtuple("Case", "name section make stranger peer")
CASES = []
ANY = frozenset(range(0, 700))
BAD = {400}
SILENT = {0}
ECHO = "sip:9196@{server}"


class Sender:
    def __init__(self, server, address, transport):
        self.server, self.address, self.transport = server, address, transport
        self.fresh()

    def fresh(self):
        self.branch, self.tag, self.call_id = "z9hG4bK" + token(), token(), token()

    def fill(self, text):
        """{server}, {local}, {branch}, {tag}, {call}, {TCP}: no other braces are touched."""
        for name, value in (("server", self.server), ("local", self.address), ("branch", self.branch), ("tag", self.tag),
                            ("call", self.call_id), ("TCP", self.transport.upper())):
            text = text.replace("{%s}" % name, value)
        return text.encode("latin-1")

    def offer(self, port=40000, **more):
        return sdp_write(self.address.rsplit(":", 1)[0], port, ["PCMU", "PCMA"], **more)


def message(sender, method="OPTIONS", uri="sip:{server}", without=(), body="", length=None, version="SIP/2.0", kind=None, **headers):
    """A request that is good but for what is said. Keywords name headers (Call_ID); a list is several of one name."""
    own = {"Via": "SIP/2.0/{TCP} {local};branch={branch}", "Max-Forwards": "70", "From": "<sip:odd@{local}>;tag={tag}", "To": "<%s>" % uri,
           "Call-ID": "{call}", "CSeq": "1 " + method, "Contact": "<sip:odd@{local}>"}
    if method == "INVITE" and not body and kind is None:
        body = sender.offer()
    if body:
        own["Content-Type"] = kind or "application/sdp"
    own.update({name.replace("_", "-"): value for name, value in headers.items()})
    own["Content-Length"] = str(len(body.encode("latin-1"))) if length is None else length
    lines = ["%s %s%s" % (method, uri, " " + version if version else "")]
    for name, value in own.items():
        if name not in without:
            lines += ["%s: %s" % (name, v) for v in (value if isinstance(value, list) else [value])]
    return sender.fill("\r\n".join(lines) + "\r\n\r\n" + body)


def case(section, stranger, peer=None):
    """Decorates a function of a Sender; the peer's statuses are the stranger's unless told."""
    def take(function):
        CASES.append(Case(function.__name__, section, function, frozenset(stranger), frozenset(stranger if peer is None else peer)))
        return function
    return take


def simple(name, section, stranger, peer=None, **arguments):
    CASES.append(Case(name, section, lambda sender: message(sender, **arguments), frozenset(stranger),
                      frozenset(stranger if peer is None else peer)))


# -- RFC 4475 section 3.1.1: odd, and yet good ------------------------------------------------------------------------------


@case("4475 3.1.1.1", {407}, {200})
def wild_whitespace(s):
    return s.fill("INVITE sip:9196@{server};p=1.2;q SIP/2.0\r\n"
                  "TO :\r\n sip:9196@{server} ;   tag\t= \r\n".replace(";   tag\t= ", "") +
                  "from   : \"J \\\\\\\" x\"       <sip:j@{local}>\r\n  ;\r\n  tag = {tag}\r\n"
                  "MaX-fOrWaRdS: 0068\r\nCall-ID: {call}\r\nContent-Length   : %d\r\n"
                  "cseq: 0009\r\n  INVITE\r\nVia  : SIP  /   2.0\r\n /{TCP}\r\n    {local}  ;  branch  =   {branch}\r\n"
                  "s :\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value\r\nUnknownHeader: ;;,,;;,;\r\n"
                  "Content-Type: application/sdp\r\nRoute:\r\n <sip:{server};lr;unknown=\"x\">\r\n"
                  "v:  SIP  / 2.0  / %s     h.invalid   ; branch  = z9hG4bK30239\r\n"
                  "m:\"Quoted string \\\"\\\"\" <sip:j@{local}> ; newparam =\r\n      newvalue ;\r\n  secondparam ; q = 0.33\r\n\r\n%s" % (
                      len(s.offer()), "UDP", s.offer()))


simple("method_of_odd_characters", "4475 3.1.1.2", {405, 501, 400, 0}, method="!interesting-Method0123456789_*+`.%indeed'~",
       uri="sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@{server}")
simple("escapes_in_the_user", "4475 3.1.1.3", {407}, {200}, method="INVITE", uri="sip:%39196@{server}")
simple("escaped_nuls", "4475 3.1.1.4", {401}, {401}, method="REGISTER", To="sip:null-%00-null@{server}",
       From="sip:null-%00-null@{server};tag={tag}", Contact=["<sip:%00@{local}>", "<sip:%00%00@{local}>"])
simple("escaped_nul_called", "4475 3.1.1.4", {407, 400, 404}, {400, 404}, method="INVITE", uri="sip:9196%00@{server}")
simple("percent_in_method", "4475 3.1.1.5", {405, 501}, method="RE%47IST%45R")
simple("no_space_before_angle", "4475 3.1.1.6", {200}, From="caller<sip:c@{local}>;tag={tag}")


@case("4475 3.1.1.7", {407}, {200})
def long_values(s):
    long = "long" * 50
    return message(s, "INVITE", ECHO, To="\"%s\" <sip:9196@{server}>" % long, From="sip:%s@{local};tag=%s{tag}" % ("x" * 40, long),
                   Call_ID="{call}" + "call" * 60, Contact="<sip:%s:%s@{local}>" % ("u" * 60, "p" * 60),
                   Unknown_Really_Long_Header_Name_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx="v" * 1500,
                   Via=["SIP/2.0/{TCP} {local};branch={branch}%s" % long] + ["SIP/2.0/UDP sip%d.invalid" % i for i in range(33)])


@case("4475 3.1.1.8", {401, 200})
def two_requests_in_a_datagram(s):
    return message(s, "REGISTER", Contact="<sip:a@{local}>", To="<sip:1001@{server}>") + message(s, "OPTIONS", Call_ID="other{call}")


simple("semicolon_in_user", "4475 3.1.1.9", {200}, uri="sip:user;par=u%40example.net@{server}")
simple("vias_of_many_transports", "4475 3.1.1.10", {200}, Via=[
    "SIP/2.0/{TCP} {local};branch={branch}", "SIP/2.0/SCTP t.invalid;branch=z9hG4bK1", "SIP/2.0/TLS t.invalid;branch=z9hG4bK2",
    "SIP/2.0/UNKNOWN t.invalid;branch=z9hG4bK3"])


@case("4475 3.1.1.11", {407, 415}, {415, 200})
def multipart(s):
    body = ("--7a9\r\nContent-Type: application/sdp\r\n\r\n" + s.offer() + "\r\n--7a9\r\nContent-Type: application/octet-stream\r\n"
            "Content-Transfer-Encoding: binary\r\n\r\n\x00\x01\xfe\xff\r\n--7a9--\r\n")
    return message(s, "INVITE", ECHO, body=body, kind="multipart/mixed;boundary=7a9")


simple("reason_phrase_in_utf8", "4475 3.1.1.12", {200})
CASES[-1] = CASES[-1]._replace(make=lambda s: s.fill(
    "SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe\r\nVia: SIP/2.0/{TCP} {local};branch={branch}\r\nCall-ID: {call}\r\n"
    "CSeq: 35 INVITE\r\nFrom: <sip:a@{local}>;tag={tag}\r\nTo: <sip:b@{server}>;tag=2\r\nContent-Length: 0\r\n\r\n"),
    stranger=frozenset(SILENT), peer=frozenset(SILENT))
simple("no_reason_phrase", "4475 3.1.1.13", SILENT)
CASES[-1] = CASES[-1]._replace(make=lambda s: s.fill(
    "SIP/2.0 100\x20\r\nVia: SIP/2.0/{TCP} {local};branch={branch}\r\nCall-ID: {call}\r\nCSeq: 3 INVITE\r\n"
    "From: <sip:a@{local}>;tag={tag}\r\nTo: <sip:b@{server}>;tag=2\r\nContent-Length: 0\r\n\r\n"))

# -- RFC 4475 section 3.1.2: wrong ----------------------------------------------------------------------------------------------

simple("separators_without_parameters", "4475 3.1.2.1", {0, 400, 407}, {0, 400, 200}, method="INVITE", uri=ECHO, From="<sip:c@{local}>;;,;,,;tag={tag}",
       Via="SIP/2.0/{TCP} {local};branch={branch};;,;,,", Contact="\"\" <sip:j@{local}>;;,;")
simple("length_too_long", "4475 3.1.2.2", {0, 400, 407}, {0, 400}, method="INVITE", uri=ECHO, length="9999")
simple("length_negative", "4475 3.1.2.3", {0, 400}, method="INVITE", uri=ECHO, length="-999")
simple("length_no_number", "4475 3.1.2.3", {0, 400}, method="INVITE", uri=ECHO, length="a lot")
simple("scalars_too_large", "4475 3.1.2.4", {400, 401}, {400, 401}, method="REGISTER", CSeq="36893488147419103232 REGISTER", Max_Forwards="300",
       Expires="1" + "0" * 40, Contact="<sip:u@{local}>;expires=280297596632815")
simple("expires_too_large", "4475 3.1.2.4", {400, 401}, method="REGISTER", Expires="1" + "0" * 40)
simple("max_forwards_too_large", "4475 3.1.2.4", {400, 200}, Max_Forwards="300")
simple("cseq_too_large", "4475 3.1.2.4", BAD, CSeq="4294967296 OPTIONS")
simple("response_with_large_scalars", "4475 3.1.2.5", SILENT)
CASES[-1] = CASES[-1]._replace(make=lambda s: s.fill(
    "SIP/2.0 503 No\r\nVia: SIP/2.0/{TCP} {local};branch={branch}\r\nTo: <sip:u@{local}>;tag=1\r\nFrom: <sip:o@{server}>;tag={tag}\r\n"
    "Call-ID: {call}\r\nCSeq: 9292394834772304023312 OPTIONS\r\nRetry-After: 949302838503028349304023988\r\n"
    "Warning: 1812 overture \"In Progress\"\r\nContent-Length: 0\r\n\r\n"))
simple("quote_never_closed", "4475 3.1.2.6", BAD, To="\"Mr. J. User <sip:u@{server}>")
simple("uri_in_angles", "4475 3.1.2.7", {400, 416}, uri="<sip:{server}>", To="<sip:u@{server}>")
simple("space_in_uri", "4475 3.1.2.8", {0, 400}, uri="sip:u@{server}; lr", To="<sip:u@{server}>")
simple("spaces_in_start_line", "4475 3.1.2.9", {400, 200, 0}, uri=" sip:{server} ", To="<sip:u@{server}>")
simple("space_after_version", "4475 3.1.2.10", {400, 200, 0}, version="SIP/2.0  ")
simple("headers_in_uri", "4475 3.1.2.11", BAD, method="INVITE", uri="sip:9196@{server}?Route=%3Csip:example.com%3E", To="<sip:u@{server}>")
simple("date_in_another_zone", "4475 3.1.2.12", {400, 407}, {400, 200}, method="INVITE", uri=ECHO, Date="Fri, 01 Jan 2010 16:00:00 EST")
simple("contact_without_angles", "4475 3.1.2.13", {400, 401}, method="REGISTER", Contact="sip:u@{local}?Route=%3Csip:sip.example.com%3E")
simple("to_without_angles", "4475 3.1.2.14", {200, 400}, To="\"Watson, Thomas\" < sip:t.watson@{server} >")
simple("display_name_unquoted", "4475 3.1.2.15", BAD, From="Bell, Alexander <sip:a.g.bell@{local}>;tag={tag}")
simple("version_7", "4475 3.1.2.16", {505, 0}, version="SIP/7.0")
simple("cseq_of_another_method", "4475 3.1.2.17", BAD, CSeq="8 INVITE")
simple("cseq_of_another_unknown_method", "4475 3.1.2.18", {400, 501}, method="NEWMETHOD", CSeq="8 INVITE")
simple("response_code_too_large", "4475 3.1.2.19", SILENT)
CASES[-1] = CASES[-1]._replace(make=lambda s: s.fill(
    "SIP/2.0 4294967301 better not\r\nVia: SIP/2.0/{TCP} {local};branch={branch}\r\nCall-ID: {call}\r\nCSeq: 35 INVITE\r\n"
    "From: <sip:a@{local}>;tag={tag}\r\nTo: <sip:b@{server}>;tag=2\r\nContent-Length: 0\r\n\r\n"))

# -- RFC 4475 sections 3.2 to 3.4: transactions, applications, RFC 2543 ---------------------------------------------------------

simple("branch_is_the_cookie_alone", "4475 3.2.1", {200}, Via="SIP/2.0/{TCP} {local};branch=z9hG4bK")
simple("almost_nothing", "4475 3.3.1", {400, 0}, method="INVITE", uri=ECHO, without=("From", "To", "Call-ID", "Contact"))
for header in ("From", "To", "Call-ID", "CSeq"):
    simple("without_" + header, "4475 3.3.1", {400, 0}, without=(header,))
simple("without_via", "3261 8.1.1", SILENT | BAD, without=("Via",))
simple("without_max_forwards", "3261 8.1.1.6", {200}, without=("Max-Forwards",))
simple("without_contact", "3261 8.1.1.8", {400, 407}, BAD, method="INVITE", uri=ECHO, without=("Contact",))
simple("unknown_scheme", "4475 3.3.2", {416}, uri="nobodyKnowsThisScheme:totallyopaquecontent", To="<sip:u@{server}>")
simple("unknown_scheme_but_sip_like", "4475 3.3.3", {416}, uri="soap.beep://192.0.2.103:3002", To="<sip:u@{server}>")
simple("unknown_scheme_in_to", "4475 3.3.4", {400, 401, 403}, method="REGISTER", To="<isbn:2983792873>", From="<http://www.example.com>;tag={tag}",
       Contact="<name:John_Smith>")
for scheme, uri in (("urn", "urn:service:sos"), ("tel", "tel:+15551234"), ("http", "http://{server}/x"), ("star", "*"), ("mailto", "mailto:u@x")):
    simple("request_uri_" + scheme, "3261 8.2.2.1", {416, 400}, method="INVITE", uri=uri, To="<sip:9196@{server}>")
simple("unknown_require", "4475 3.3.5", {420}, Require="nothingSupportsThis, nothingSupportsThisEither", Proxy_Require="noProxiesSupportThis")
simple("unknown_require_of_a_call", "4475 3.3.5", {420, 407}, {420}, method="INVITE", uri=ECHO, Require="nothingSupportsThis")
simple("require_of_two_hundred", "3261 8.2.2.3", {420}, Require=", ".join("feature%d" % i for i in range(200)))
simple("unknown_content_type", "4475 3.3.6", {415, 407}, {415}, method="INVITE", uri=ECHO, body="<audio>\r\n </audio>", kind="application/unknownformat")
simple("unknown_authorization", "4475 3.3.7", {401}, method="REGISTER", Authorization="NoOneKnowsThisScheme opaque-data=here")
simple("single_values_twice", "4475 3.3.8", {400, 407}, {400, 200}, method="INVITE", uri=ECHO, Call_ID=["{call}", "{call}b"], CSeq=["5 INVITE", "59 INVITE"],
       Max_Forwards=["70", "5"], To=["<sip:9196@{server}>", "<sip:u@{server}>"])
simple("content_length_twice", "4475 3.3.9", {400, 200, 0}, length=["0", "5"])
simple("response_to_all", "4475 3.3.10", SILENT)
CASES[-1] = CASES[-1]._replace(make=lambda s: s.fill(
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/{TCP} 255.255.255.255;branch={branch}\r\nCall-ID: {call}\r\nCSeq: 3 INVITE\r\n"
    "From: <sip:a@{local}>;tag={tag}\r\nTo: <sip:b@{server}>;tag=2\r\nContact: <sip:b@255.255.255.255>\r\nContent-Length: 0\r\n\r\n"))
simple("no_hops_left", "4475 3.3.11", {200, 483}, Max_Forwards="0")
simple("no_hops_left_for_a_call", "3261 16.3", {483}, method="INVITE", uri=ECHO, Max_Forwards="0")
simple("contact_parameter_unknown", "4475 3.3.12", {401}, method="REGISTER", Contact="sip:u@{local};unknownparam")
simple("escaped_header_in_contact", "4475 3.3.14", {401, 400}, method="REGISTER", Contact="<sip:u@{local}?Route=%3Csip:sip.example.com%3E>")
simple("accept_refused", "4475 3.3.15", {407, 406, 400}, {406, 400, 200}, method="INVITE", uri=ECHO, Accept="text/nobodyKnowsThis")
simple("rfc2543", "4475 3.4.1", {407, 400}, {400, 200}, method="INVITE", uri=ECHO, Via="SIP/2.0/{TCP} {local}", From="<sip:c@{local}>",
       without=("Max-Forwards", "Contact"))
simple("rfc2543_options", "4475 3.4.1", {200, 400}, Via="SIP/2.0/{TCP} {local}", From="<sip:c@{local}>")

# -- RFC 5118 ------------------------------------------------------------------------------------------------------------------

simple("ipv6_without_brackets", "5118 4.2", {400, 404, 401, 0}, method="REGISTER", uri="sip:2001:db8::10", To="<sip:u@{server}>")
simple("ipv6_in_uri", "5118 4.1", {401}, method="REGISTER", uri="sip:[2001:db8::10]", To="<sip:u@{server}>")
simple("ipv6_port_ambiguous", "5118 4.3", {401}, method="REGISTER", uri="sip:[2001:db8::10:5070]", To="<sip:u@{server}>")
simple("ipv6_port", "5118 4.4", {401}, method="REGISTER", uri="sip:[2001:db8::10]:5070", To="<sip:u@{server}>")
simple("ipv6_received", "5118 4.5", {200}, Via="SIP/2.0/{TCP} {local};received=[2001:db8::9:255];branch={branch}")
simple("ipv6_received_bare", "5118 4.5", {200}, Via="SIP/2.0/{TCP} {local};received=2001:db8::9:255;branch={branch}")


@case("5118 4.6", {407}, {200})
def ipv6_in_sdp(s):
    return message(s, "INVITE", ECHO, body=s.offer().replace("IN IP4 " + s.address.rsplit(":", 1)[0], "IN IP6 2001:db8::20"))


@case("5118 4.7", {407}, {200, 488})
def ipv4_and_ipv6_in_sdp(s):
    return message(s, "INVITE", ECHO, body=s.offer() + "m=video 6000 RTP/AVP 97\r\nc=IN IP6 2001:db8::20\r\na=rtpmap:97 H264/90000\r\n")


simple("ipv4_mapped", "5118 4.8", {407}, {200}, method="INVITE", uri=ECHO, Contact="<sip:u@[::ffff:192.0.2.10]>")
simple("ipv6_three_colons", "5118 4.10", {400, 401, 200}, Contact="<sip:u@[2001:db8:::192.0.2.1]>")
simple("ipv6_bracket_open", "5118", {400, 0}, uri="sip:[::1", To="<sip:u@{server}>")
simple("via_sent_by_ipv6_broken", "5118", {400, 0, 200}, Via="SIP/2.0/{TCP} [2001:db8:::9]:5060;branch={branch}")

# -- our own: via, methods, dialogs ----------------------------------------------------------------------------------------------

simple("via_empty", "3261 20.42", {0, 400}, Via="")
simple("via_without_host", "3261 20.42", {0, 400}, Via="SIP/2.0/{TCP} ;branch={branch}")
simple("via_port_absurd", "3261 20.42", {0, 400, 200}, Via="SIP/2.0/{TCP} {local}99999999;branch={branch}")
simple("via_port_zero", "3261 20.42", {0, 400, 200}, Via="SIP/2.0/{TCP} 127.0.0.1:0;branch={branch}")
simple("via_broadcast", "3261 18.2.1", {0, 400, 200}, Via="SIP/2.0/{TCP} 255.255.255.255:5060;branch={branch}")
simple("via_multicast_maddr", "3261 18.2.2", {0, 400, 200}, Via="SIP/2.0/{TCP} {local};branch={branch};maddr=224.0.0.1;ttl=999")
simple("via_bad_maddr", "3261 18.2.2", {0, 400, 200}, Via="SIP/2.0/{TCP} {local};branch={branch};maddr=[::1;received=(;rport=99999999999")
simple("via_of_unknown_transport", "3261 18", {0, 400, 200}, Via="SIP/2.0/FOO {local};branch={branch}")
simple("via_is_ourselves", "3261 16.3", {0, 400, 200, 482}, Via="SIP/2.0/{TCP} {server}:5060;branch={branch}")
simple("record_routes_broken", "3261 20.30", {407, 400}, {400, 200}, method="INVITE", uri=ECHO, Record_Route="<sip:;lr>, <>, <sip:@:0;lr>")
simple("record_route_of_a_hundred", "3261 20.30", {407}, {200, 400}, method="INVITE", uri=ECHO, Record_Route=["<sip:192.0.2.1;lr;x=%d>" % i for i in range(100)])
simple("route_unknown", "3261 16.4", {200}, Route="<sip:nowhere.invalid;lr>, <sip:{server}>")
simple("contact_names_us", "3261 8.1.1.8", {407}, {200}, method="INVITE", uri=ECHO, Contact="<sip:9196@{server}>")
simple("contact_without_host", "3261 8.1.1.8", {400, 407}, BAD, method="INVITE", uri=ECHO, Contact="<sip:>")
simple("contact_two", "3261 8.1.1.8", {407, 400}, {200, 400}, method="INVITE", uri=ECHO, Contact="<sip:a@{local}>, <sip:b@{local}>")
simple("contact_star", "3261 20.10", {400, 407}, BAD, method="INVITE", uri=ECHO, Contact="*")
simple("contact_tel", "3261 8.1.1.8", {400, 407}, BAD, method="INVITE", uri=ECHO, Contact="<tel:+1555>")
simple("contact_port_absurd", "3261 8.1.1.8", {400, 407}, {400, 200}, method="INVITE", uri=ECHO, Contact="<sip:a@{local}999>")
simple("contact_name_unknown", "3261 8.1.1.8", {407}, {200}, method="INVITE", uri=ECHO, Contact="<sip:a@no.such.host.invalid;transport=sctp;maddr=x>")
simple("to_tag_no_dialog", "3261 12.2.2", {481}, To="<sip:9196@{server}>;tag=gone", method="INVITE", uri=ECHO)
simple("bye_no_dialog", "3261 15.1.2", {481}, To="<sip:9196@{server}>;tag=gone", method="BYE", uri=ECHO)
simple("bye_no_tag", "3261 15.1.2", {481}, method="BYE", uri=ECHO)
simple("cancel_no_transaction", "3261 9.2", {481}, method="CANCEL", uri=ECHO)
simple("ack_no_transaction", "3261 17", SILENT, method="ACK", uri=ECHO)
simple("from_without_tag", "3261 8.1.1.3", {400, 200}, From="<sip:odd@{local}>")
simple("from_broken", "3261 20.20", BAD, From="<<<>>>;tag={tag}")
simple("from_empty", "3261 20.20", {400, 0}, From="")
simple("call_id_empty", "3261 20.8", {400, 0}, Call_ID="")
simple("call_id_odd", "3261 25.1", {200}, Call_ID="{call}%\"'`?{}[]\\/:<>()~@x")
simple("cseq_without_method", "3261 20.16", BAD, CSeq="1")
simple("cseq_negative", "3261 20.16", BAD, CSeq="-1 OPTIONS")
simple("cseq_zero", "3261 8.1.1.5", {200}, CSeq="0 OPTIONS")
simple("max_forwards_negative", "3261 20.22", {400, 200}, Max_Forwards="-1")
simple("max_forwards_word", "3261 20.22", {400, 200}, Max_Forwards="many")
simple("proxy_require", "3261 16.3", {200, 420}, Proxy_Require="x")
simple("content_encoding", "3261 8.2.3", {407, 415}, {415}, method="INVITE", uri=ECHO, Content_Encoding="gzip")
# A REFER asks for a call of its user's (click to dial): strangers must say who they are, a peer's is taken.
simple("refer_out_of_dialog", "3515 2.4.2", {202, 407}, method="REFER", uri=ECHO, Refer_To="<sip:1001@{server}>")
for name in ("PUBLISH", "MESSAGE", "INFO", "PRACK", "UPDATE", "NOTIFY", "FOO"):
    simple(name.lower() + "_out_of_dialog", "3261 8.2.1", {405, 481, 501, 489}, method=name, uri=ECHO, Refer_To="<sip:1001@{server}>",
           RAck="1 1 INVITE", Event="refer", Subscription_State="active")
simple("subscribe_unknown_event", "6665 4.2.1", {489}, method="SUBSCRIBE", uri="sip:1001@{server}", Event="nobody-knows;id=x")
simple("subscribe_without_event", "6665 4.2.1", {489, 400}, method="SUBSCRIBE", uri="sip:1001@{server}")
simple("subscribe_refuses_everything", "6665 4.2.1", {406, 401, 400}, {406, 400}, method="SUBSCRIBE", uri="sip:1001@{server}", Event="message-summary", Accept="x/y")
simple("subscribe_nobody", "6665 4.2.1", {404}, method="SUBSCRIBE", uri="sip:{server}", Event="message-summary")
simple("subscribe_briefly", "6665 4.2.1", {401, 423}, {423}, method="SUBSCRIBE", uri="sip:1001@{server}", Event="message-summary", Expires="1")
simple("subscribe_without_contact", "6665 4.2.1", {400}, method="SUBSCRIBE", uri="sip:1001@{server}", Event="message-summary", without=("Contact",))
simple("subscribe_once", "6665 4.4.3", {401}, {200, 404, 403}, method="SUBSCRIBE", uri="sip:1001@{server}", Event="message-summary;id=%s" % ("9" * 300), Expires="0")
simple("session_expires_brief", "4028 9", {407, 422}, {422}, method="INVITE", uri=ECHO, Supported="timer", Session_Expires="1")
simple("session_expires_broken", "4028 4", {407, 400}, {400, 200, 422}, method="INVITE", uri=ECHO, Supported="timer", Session_Expires="x;refresher=nobody",
       Min_SE="-5")
simple("session_expires_huge", "4028 4", {407, 400}, {400, 200}, method="INVITE", uri=ECHO, Supported="timer", Session_Expires="99999999999;refresher=uac",
       Min_SE="4294967295")
simple("replaces_nothing", "3891 3", {407, 420, 481}, {420, 481, 200}, method="INVITE", uri=ECHO, Replaces="{call};to-tag=a;from-tag=b")

# -- our own: what the digest reads ----------------------------------------------------------------------------------------------

for number, value in enumerate((
        "Digest", "Digest ,", "Digest username", "Digest username=\"", "Digest username=\"1001\", realm=\"confab\"",
        "Digest username=\"1001\",realm=\"confab\",nonce=\"x\",uri=\"sip:\",response=\"%s\",qop=auth,nc=00000001,cnonce=\"\"" % ("0" * 32),
        "Digest username=\"1001\",realm=\"confab\",nonce=\"%s\",uri=\"x%%\",response=\"%s\",qop=auth,nc=zzzzzzzz,cnonce=\"c\"" % ("n" * 400, "f" * 5000),
        "Digest username=\"%s\",realm=\"confab\",nonce=\"1\",uri=\"sip:x\",response=\"a\",algorithm=SHA-512,qop=auth-int" % ("u" * 127),
        "Basic MTAwMTp4", "Digest username=\"10\\\"01\\\\\",realm=\"confab\",realm=\"confab\"")):
    simple("credentials_%d" % number, "7616 3.4", {401, 400}, method="REGISTER", To="<sip:1001@{server}>", Authorization=value)
    simple("proxy_credentials_%d" % number, "7616 3.4", {407, 400}, {200, 400}, method="INVITE", uri=ECHO, Proxy_Authorization=[value, value])

# -- our own: what a trusted peer may say ----------------------------------------------------------------------------------------

for number, body in enumerate((
        "v=0\r\n", "v=1\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n", "\r\n\r\n", "nonsense", "\x00\x00\x00", "v=0\r\n" * 600,
        "v=0\r\no=-\r\ns=\r\nc=\r\nt=\r\nm=\r\n", "v=0\no=- 1 1 IN IP4 127.0.0.2\ns=-\nc=IN IP4 127.0.0.2\nt=0 0\nm=audio -1 RTP/AVP 0\n",
        "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 x\r\nt=0 0\r\nm=audio 99999999999 RTP/AVP 0 0 0 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 x\r\nt=0 0\r\n" + "m=audio 1 RTP/AVP 0\r\n" * 40,
        "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 x\r\nt=0 0\r\nm=audio 4000 RTP\xc2\xa0/AVP\xff 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 x\r\nt=0 0\r\nm=audio 4000 RTP/AVP " + "0 " * 3000 + "\r\n")):
    CASES.append(Case("broken_sdp_%d" % number, "4566", lambda s, b=body: message(s, "INVITE", ECHO, body=b), frozenset({407, 400, 488}),
                      frozenset({400, 488}) if len(body) < 5000 else frozenset({200, 488})))
for number, lines in enumerate((
        "m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 \r\na=rtpmap:\r\na=rtpmap:999 x/y\r\na=fmtp:\r\na=fmtp:96\r\na=ptime:\r\n",
        "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 224.0.0.1/999\r\n", "m=audio 4000/7 RTP/AVP 0\r\na=ptime:99999999999\r\na=maxptime:0\r\n",
        "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 maxaveragebitrate=99999999999;stereo=x;;;=;useinbandfec=1\r\n",
        "m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-99999999,16-0,-,,\r\n",
        "m=video 4000 RTP/AVP 31\r\n", "m=image 4000 udptl t38\r\n", "m=audio 0 RTP/AVP 0\r\n", "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 x inline:\r\n",
        "m=audio 4000 RTP/AVP 0\r\na=rtcp:99999 IN IP6 zz\r\na=rtcp-mux\r\na=sendonly\r\na=inactive\r\n")):
    head = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
    CASES.append(Case("odd_stream_%d" % number, "4566", lambda s, b=head + lines: message(s, "INVITE", ECHO, body=b), frozenset({407}),
                      frozenset({200, 488, 400})))
for number, (uri, headers) in enumerate((
        ("sip:7000@{server};target=sip:1001%40x;cause=486", {}), ("sip:7000@{server};target=;cause=", {}),
        ("sip:7000@{server};target=%73ip%3A1001%40x%3Btarget%3Dsip%3A1002;cause=99999999999", {}),
        ("sip:7000@{server};target=" + "sip:1001" * 60, {}), ("sip:7000@{server};target=%;cause=%", {}),
        ("sip:7000@{server};target=sip:%001001@x", {}), ("sip:7000@{server};target=%00%01%02%03%04%05%06%07%08;cause=" + "4" * 40, {}),
        ("sip:7000@{server}", {"Diversion": "<sip:1001@x>;reason=no-answer"}), ("sip:7000@{server}", {"Diversion": ["<", "<>", ";", ",,,"]}),
        ("sip:7000@{server}", {"Diversion": ["<sip:1001@x>;reason=\"" + "y" * 3000] + ["<sip:1002@x>"] * 100}),
        ("sip:7000@{server}", {"Diversion": "tel:1001;reason=;;=,<urn:x>"}),
        ("sip:7000@{server}", {"History-Info": "<sip:1001@x?Reason=SIP%3Bcause%3D486>;index=1, <sip:7000@x;cause=408>;index=1.1"}),
        ("sip:7000@{server}", {"History-Info": "<sip:1001@x?Reason=cause%3D>;index=1, <tel:7000>;index"}),
        ("sip:7000@{server}", {"History-Info": "<sip:%@x?%>, <>"}), ("sip:7000@{server}", {"History-Info": ",".join(["<sip:1001@x>;index=1"] * 300)}),
        ("sip:9196@{server}", {"P-Asserted-Identity": ["\"x\\", "<tel:+1>", "<sip:a@b"]}), ("sip:9196@{server}", {"Privacy": ";;id;;user,"}),
        ("sip:9196@{server}", {"P-Asserted-Identity": "\"" + "\\\"" * 400 + "\" <sip:1@2>"}),
        ("sip:annc@{server};play=", {}), ("sip:annc@{server};play=%2e%2e/%2e%2e/etc/passwd", {}), ("sip:annc@{server}", {}),
        ("sip:annc@{server};play=digits/1;repeat=-1", {}), ("sip:annc@{server};play=digits/1;repeat=99999999999;delay=x", {}),
        ("sip:annc@{server};play=%00;duration=1", {}), ("sip:conf=@{server}", {}), ("sip:conf=%00%0d%0a@{server}", {}),
        ("sip:conf=" + "x" * 200 + "@{server}", {}), ("sip:dialog@{server};voicexml=http://x/%", {}), ("sip:*99@{server}", {}),
        ("sip:*99%2a%2a@{server}", {}), ("sip:%@{server}", {}), ("sip:%zz@{server}", {}), ("sip:@{server}", {}), ("sip:{server}", {}),
        ("sip:1001:secret@{server}:5060;user=phone;transport=foo;maddr=1;ttl=x;lr=x;method=y", {}), ("sips:1009@{server}", {}))):
    mute = SILENT if re.search("%(?![0-9a-f]{2})", uri) else set()  # no Request-URI at all: RFC 3261 asks for nothing
    CASES.append(Case("peer_says_%d" % number, "3261 19.1, 4240, 4458, 5806, 7044", lambda s, u=uri, h=headers: message(s, "INVITE", u, **h),
                      frozenset({407, 400, 404, 416} | mute), frozenset({200, 400, 404, 414, 416, 480, 484, 488, 501, 603} | mute)))


@case("3261 18.1.1", {200, 400, 413, 513, 0})
def as_large_as_a_datagram(s):
    return message(s, "OPTIONS", "sip:{server}", Subject="x" * 60000)


@case("3261 7.3.1", {200, 400})
def thousand_headers(s):
    return message(s, "OPTIONS", "sip:{server}", **{"X-%d" % i: "y" for i in range(1000)})


@case("3261 7.3.1", {200, 400})
def folded_a_thousand_times(s):
    return message(s, "OPTIONS", "sip:{server}", Subject="a" + "\r\n\tb" * 1000)


@case("3261 7.3.1", {200, 400})
def comma_thousands(s):
    return message(s, "OPTIONS", "sip:{server}", Supported="," * 5000, Allow="," * 5000)


@case("3261 20", {200, 400})
def other_headers_broken(s):
    return message(s, "OPTIONS", "sip:{server}", Accept=";;,", Alert_Info="<", Allow_Events="(", Call_Info="<>;=", Content_Disposition=";=\"",
                   Event="\"", Expires="-", Refer_To="<", Referred_By="<sip:%>", Retry_After="x(", Timestamp="..", Warning="999 \"",
                   Identity="\"", Reason="SIP;cause=\"", Path="<sip:", Service_Route="<", Security_Client=";", RSeq="99999999999",
                   Accept_Language="q=;", Content_Language=";", MIME_Version="x", In_Reply_To=",", Priority="\x01", Subject="\xff\xfe",
                   Join="x;", Replaces=";", Target_Dialog=";", Request_Disposition=",;", Accept_Contact="*;=", Reject_Contact="<", SIP_If_Match="")
