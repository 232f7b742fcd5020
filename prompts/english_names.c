/* The names of the English voice that the server says. Those of apps and grammar alike: what is not listed
 * here is neither loaded nor found. "vm-login" and "vm-newuser" are left out on purpose: they speak a
 * product's brand. */
#include "prompts/internal.h"

/* clang-format off */
const char *const english_recorded[] = {
    /* numbers, ordinals, dates and times (en.grammar) */
    "digits/0", "digits/1", "digits/2", "digits/3", "digits/4", "digits/5", "digits/6", "digits/7",
    "digits/8", "digits/9", "digits/10", "digits/11", "digits/12", "digits/13", "digits/14",
    "digits/15", "digits/16", "digits/17", "digits/18", "digits/19", "digits/20", "digits/30",
    "digits/40", "digits/50", "digits/60", "digits/70", "digits/80", "digits/90", "digits/hundred",
    "digits/thousand", "digits/million", "digits/minus", "digits/h-1", "digits/h-2", "digits/h-3",
    "digits/h-4", "digits/h-5", "digits/h-6", "digits/h-7", "digits/h-8", "digits/h-9", "digits/h-10",
    "digits/h-11", "digits/h-12", "digits/h-13", "digits/h-14", "digits/h-15", "digits/h-16",
    "digits/h-17", "digits/h-18", "digits/h-19", "digits/h-20", "digits/h-30", "digits/h-40",
    "digits/h-50", "digits/h-60", "digits/h-70", "digits/h-80", "digits/h-90", "digits/day-0",
    "digits/day-1", "digits/day-2", "digits/day-3", "digits/day-4", "digits/day-5", "digits/day-6",
    "digits/mon-0", "digits/mon-1", "digits/mon-2", "digits/mon-3", "digits/mon-4", "digits/mon-5",
    "digits/mon-6", "digits/mon-7", "digits/mon-8", "digits/mon-9", "digits/mon-10", "digits/mon-11",
    "digits/a-m", "digits/p-m", "digits/oclock", "digits/oh", "digits/at", "digits/today",
    "digits/yesterday", "digits/tomorrow", "digits/star", "digits/pound", "hours", "minutes", "minute",
    "seconds", "second",

    /* what a number or name is spelt with */
    "letters/a", "letters/b", "letters/c", "letters/d", "letters/e", "letters/f", "letters/g",
    "letters/h", "letters/i", "letters/j", "letters/k", "letters/l", "letters/m", "letters/n",
    "letters/o", "letters/p", "letters/q", "letters/r", "letters/s", "letters/t", "letters/u",
    "letters/v", "letters/w", "letters/x", "letters/y", "letters/z", "letters/plus", "letters/dot",
    "letters/dash", "letters/at", "letters/slash", "letters/ascii95",

    /* voicemail */
    "vm-and", "vm-advopts", "vm-changeto", "vm-delete", "vm-deleted", "vm-duration", "vm-extension",
    "vm-Family", "vm-first", "vm-for", "vm-forward", "vm-forwardoptions", "vm-Friends", "vm-from",
    "vm-from-extension", "vm-from-phonenumber", "vm-goodbye", "vm-helpexit", "vm-INBOX", "vm-incorrect",
    "vm-incorrect-mailbox", "vm-instructions", "vm-intro", "vm-invalid-password", "vm-invalidpassword",
    "vm-isonphone", "vm-isunavail", "vm-last", "vm-leavemsg", "vm-mailboxfull", "vm-marked-nonurgent",
    "vm-marked-urgent", "vm-message", "vm-messages", "vm-minutes", "vm-mismatch", "vm-msgforwarded",
    "vm-msginstruct", "vm-msgsaved", "vm-newpassword", "vm-next", "vm-no", "vm-nobodyavail", "vm-nobox",
    "vm-nomore", "vm-nonumber", "vm-Old", "vm-onefor", "vm-onefor-full", "vm-options", "vm-opts",
    "vm-opts-full", "vm-passchanged", "vm-password", "vm-pls-try-again", "vm-press", "vm-prev",
    "vm-reachoper", "vm-rec-busy", "vm-rec-name", "vm-rec-temp", "vm-rec-unv", "vm-received",
    "vm-record-prepend", "vm-reenterpassword", "vm-repeat", "vm-review", "vm-review-nonurgent",
    "vm-review-urgent", "vm-saved", "vm-savedto", "vm-savefolder", "vm-savemessage", "vm-saveoper",
    "vm-sorry", "vm-star-cancel", "vm-starmain", "vm-tempgreetactive", "vm-tempgreeting",
    "vm-tempgreeting2", "vm-tempremoved", "vm-then-pound", "vm-theperson", "vm-tocallback",
    "vm-tocallnum", "vm-tocancel", "vm-tocancelmsg", "vm-toenternumber", "vm-toforward", "vm-tohearenv",
    "vm-tomakecall", "vm-tooshort", "vm-toreply", "vm-torerecord", "vm-undelete", "vm-undeleted",
    "vm-unknown-caller", "vm-Urgent", "vm-whichbox", "vm-Work", "vm-youhave",

    /* conference */
    "conf-adminmenu", "conf-adminmenu-162", "conf-adminmenu-menu8", "conf-errormenu", "conf-full",
    "conf-getconfno", "conf-getpin", "conf-hasjoin", "conf-hasleft",
    "conf-invalid", "conf-invalidpin", "conf-kicked", "conf-leaderhasleft", "conf-locked",
    "conf-lockednow", "conf-muted", "conf-now-muted", "conf-now-recording", "conf-now-unmuted",
    "conf-onlyone", "conf-onlyperson", "conf-otherinparty", "conf-placeintoconf", "conf-thereare",
    "conf-roll-callcomplete", "conf-unlockednow", "conf-unmuted", "conf-usermenu", "conf-usermenu-162",
    "conf-waitforleader", "confbridge-conf-end", "confbridge-join", "confbridge-leave",

    /* feature codes */
    "activated", "call-fwd-no-ans", "call-fwd-on-busy", "call-fwd-unconditional", "de-activated",
    "do-not-disturb", "info-about-last-call", "is-set-to",

    /* for every call, menus and announcements */
    "all-circuits-busy-now", "at-tone-time-exactly", "basic-pbx-ivr-main", "beep", "beeperr",
    "cannot-complete-as-dialed", "check-number-dial-again", "demo-congrats", "demo-echodone",
    "demo-echotest", "demo-thanks", "extension", "goodbye", "hello", "hello-world", "im-sorry",
    "invalid", "is-in-use", "number-not-answering", "one-moment-please", "please-try-again",
    "please-try-call-later", "pm-invalid-option", "something-terribly-wrong", "sorry", "ss-noservice",
    "time", "tt-allbusy", "tt-monkeys", "tt-somethingwrong", "tt-weasels", "with", "you-entered",
    "your",

    NULL,
};

const char *const english_synthesised[] = {
    "conf-adminmenu-more", "conf-ask-floor", "conf-begins-later", "conf-discussion",
    "conf-five-minutes", "conf-floor-back", "conf-floor-yours", "conf-hand-lowered",
    "conf-hand-raised", "conf-host-now", "conf-is-waiting", "conf-lecture", "conf-nobody",
    "conf-not-admitted", "conf-not-allowed", "conf-not-possible", "conf-one-minute",
    "conf-open-from", "conf-over", "conf-people-wait", "conf-peoplemenu", "conf-recording-paused",
    "conf-recording-stopped", "conf-removed", "conf-roommenu-more", "conf-somebody-waits",
    "conf-to-admit", "conf-unavailable", "conf-usermenu-more", "conf-wait-admit",
    "conf-you-are-muted", "confirm-call-from", "confirm-keys", "feature-ask-number",
    "feature-no-caller", "feature-press-one", "hour", "ivr-menu", "ivr-welcome", "msg-almost-full",
    "msg-anonymous", "msg-cannot-play", "msg-changed-elsewhere", "msg-enter-mailbox",
    "msg-fifteen-seconds", "msg-locked", "msg-login-incorrect", "msg-not-saved",
    "msg-nothing-recorded", "msg-pin-rules", "msg-trouble", "msg-will-be-delivered",
    "screen-blocked", "screen-refused", "screen-say-name",
    NULL,
};
/* clang-format on */

const struct substitute english_substitutes[] = {
    {"conf-begins-later", "please-try-call-later"},
    {"conf-over", "conf-invalid"},
    {"conf-removed", "conf-kicked"},
    {"conf-unavailable", "something-terribly-wrong"},
    {"hour", "hours"},
    {"minute", "vm-minutes"},
    {"minutes", "vm-minutes"},
    {"ivr-welcome", "hello"},
    {"msg-anonymous", "vm-unknown-caller"},
    {"msg-cannot-play", "im-sorry"},
    {"msg-enter-mailbox", "vm-whichbox"},
    {"msg-login-incorrect", "vm-incorrect-mailbox"},
    {"msg-locked", "vm-invalid-password"},
    {"msg-not-saved", "something-terribly-wrong"},
    {"msg-pin-rules", "vm-invalid-password"},
    {"msg-trouble", "something-terribly-wrong"},
    {"conf-not-admitted", "im-sorry"},
    {"conf-wait-admit", "conf-waitforleader"},
    {"conf-you-are-muted", "conf-muted"},
    {"confbridge-conf-end", "conf-kicked"},
    {"conf-onlyperson", "conf-onlyone"},
    {"conf-usermenu", "conf-usermenu-162"},
    {"confirm-call-from", "vm-from"},
    {"confirm-keys", "vm-press"},
    {"feature-ask-number", "vm-toenternumber"},
    {"feature-no-caller", "vm-nonumber"},
    {"feature-press-one", "vm-press"},
    {"screen-blocked", "cannot-complete-as-dialed"},
    {"screen-refused", "vm-nobodyavail"},
    {"screen-say-name", "vm-rec-name"},
    {"goodbye", "vm-goodbye"},
    {"vm-goodbye", "goodbye"},
    {"digits/oh", "digits/0"},
    {NULL, NULL},
};
