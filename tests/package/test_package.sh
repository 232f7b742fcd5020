#!/bin/bash
# test_package.sh FOLDER: builds Debian's packages from FOLDER/tree and has them installed, started, upgraded, removed and
# purged in a small Debian of their own in FOLDER/root. What takes long, the system without our packages, is kept in
# FOLDER/base-*.tar. Asks root, or sudo, for the work in that system.
set -eu -o pipefail
folder=$(cd "$1" && pwd -P)
tree=$folder/tree
root=$folder/root
address=127.0.77.1 # no other test's
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 DPKG_DEB_COMPRESSOR_TYPE=none
confabd_pid=

say() { printf '%s: %s\n' "$SECONDS s" "$*"; }
die() {
    say "FAIL: $*" >&2
    [ ! -e "$folder/confabd.log" ] || tail -n 20 "$folder/confabd.log" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n -- "$@"; fi
}

# inside COMMAND...: in the small Debian, as root.
inside() {
    as_root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}
inside_as() {
    local user=$1
    shift
    inside setpriv --reuid "$user" --regid "$user" --init-groups -- "$@"
}
apt_inside() { inside apt-get -y -q -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null; }
query() { inside_as confab psql -X -At -d confab -c "$1"; }

wait_for() {
    local what=$1 i
    shift
    for ((i = 0; i < 600; i++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    die "$what did not come"
}

# -- The packages ------------------------------------------------------------------------------------------------------

# Neither optimised nor packed: that takes long and changes nothing here.
packages_build() {
    rm -f "$folder"/*.deb
    (cd "$tree" && DEB_BUILD_OPTIONS="nocheck noopt parallel=$(nproc)" dpkg-buildpackage -us -uc -b) >"$folder/build.log" 2>&1 || {
        tail -n 40 "$folder/build.log"
        die "the packages do not build"
    }
    deb=$(echo "$folder"/confab_*.deb)
    doc=$(echo "$folder"/confab-doc_*_all.deb)
}

# With LINTIAN=yes; takes its time.
lintian_content() {
    lintian --fail-on error,warning --suppress-tags uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball \
        "$deb" "$doc" || die "lintian finds faults"
}

# Sets $newer: the package as a later version would be: one more migration, and other words in its configuration.
package_newer() {
    local work=$folder/newer last
    rm -rf "$work"
    dpkg-deb -R "$deb" "$work"
    sed -i 's/^Version: .*/&+later1/' "$work/DEBIAN/control"
    last=$(find "$work/usr/share/confab/sql" -name '[0-9]*.sql' -printf '%f\n' | sort | tail -n 1)
    echo 'create table upgraded (id int);' >"$work/usr/share/confab/sql/$(printf %04d $((10#${last%%_*} + 1)))_upgraded.sql"
    echo '# New words of a later version.' >>"$work/etc/confab/confab.conf"
    newer=$folder/confab-newer.deb
    dpkg-deb --root-owner-group -b "$work" "$newer" >/dev/null
    rm -rf "$work"
}

# -- The system --------------------------------------------------------------------------------------------------------

system_make() {
    local depends mirror base
    depends=$(dpkg-deb -f "$deb" Depends | sed -e 's/([^)]*)//g' -e 's/|[^,]*//g' -e 's/,/ /g')
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed -n 's/^URIs: *\(http[^ ]*debian\)\/*$/\1/p; s/^deb \(http[^ ]*debian\)\/* .*/\1/p' | head -n 1) || true
    base=$folder/base-$(echo "$mirror" "$depends" | sha256sum | cut -c1-12).tar
    as_root rm -rf "$root"
    if [ ! -e "$base" ]; then
        say "making a small Debian"
        as_root rm -f "$folder"/base-*.tar
        as_root debootstrap --variant=minbase bookworm "$root" ${mirror:+"$mirror"} >"$folder/debootstrap.log" 2>&1 || {
            tail -n 20 "$folder/debootstrap.log"
            die "debootstrap failed"
        }
        # Nothing starts by itself, nothing waits for the disk, and only what is asked for is installed.
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$root/usr/sbin/policy-rc.d" >/dev/null
        as_root chmod +x "$root/usr/sbin/policy-rc.d"
        echo force-unsafe-io | as_root tee "$root/etc/dpkg/dpkg.cfg.d/test" >/dev/null
        echo 'APT::Install-Recommends "false"; APT::Sandbox::User "root";' | as_root tee "$root/etc/apt/apt.conf.d/test" >/dev/null
        # shellcheck disable=SC2086 # a list of words
        apt_inside install postgresql-15 $depends >"$folder/apt.log" 2>&1 || {
            tail -n 20 "$folder/apt.log"
            die "what the package needs cannot be installed"
        }
        inside apt-get clean
        as_root tar -C "$root" -cf "$base.new" . && as_root mv "$base.new" "$base"
        return
    fi
    as_root mkdir "$root" && as_root tar -C "$root" -xf "$base"
}

postgres() {
    inside pg_ctlcluster --skip-systemctl-redirect 15 main "$@" >>"$folder/postgres.log" 2>&1
}

# In place of systemd: notes what the packages ask of it. Other packages' services are none of our affair.
systemd_pretend() {
    as_root mkdir -p "$root/run/systemd/system"
    printf '#!/bin/sh\necho "$*" >>/tmp/systemctl.log\n' | as_root tee "$root/usr/bin/systemctl" >/dev/null
    # shellcheck disable=SC2016 # that script's
    printf '#!/bin/sh\ncase $1 in confabd*) exit 0 ;; *) exit 101 ;; esac\n' | as_root tee "$root/usr/sbin/policy-rc.d" >/dev/null
    as_root chmod +x "$root/usr/bin/systemctl"
}
asked_systemd() { grep -qE -- "(^| )$1 confabd\.service" "$root/tmp/systemctl.log" 2>/dev/null; }

# As the unit says; there is no systemd in there.
confabd_start() {
    local command
    command=$(sed -n 's/^ExecStart=//p' "$root/lib/systemd/system/confabd.service")
    : >"$folder/confabd.log"
    inside_as confab sh -c "echo \$\$ >/tmp/confabd.pid; exec $command" >>"$folder/confabd.log" 2>&1 &
    wait_for "confabd's readiness" grep -q ' main ready$' "$folder/confabd.log"
    confabd_pid=$(cat "$root/tmp/confabd.pid")
}
confabd_stop() {
    as_root kill -TERM "$confabd_pid"
    wait_for "confabd's end" grep -q ' main stopped$' "$folder/confabd.log"
    confabd_pid=
}

finish() {
    [ -z "$confabd_pid" ] || as_root kill -KILL "$confabd_pid" || true
    [ ! -x "$root/usr/bin/pg_ctlcluster" ] || postgres stop -m immediate || true
}

# -- What a user would see ---------------------------------------------------------------------------------------------

# has PATH OWNER-GROUP-MODE
has() {
    local is
    is=$(inside stat -c '%U:%G:%a' "$1") || die "$1 is missing"
    [ "$is" = "$2" ] || die "$1 is $is, not $2"
}
gone() { ! inside test -e "$1" || die "$1 is still there"; }
sum() { inside md5sum /etc/confab/confab.conf /var/lib/confab/recordings/kept.flac; }

options_answered() {
    python3 - "$address" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
s.settimeout(5)
me = "127.0.0.1:%d" % s.getsockname()[1]
s.sendto(("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKp1\r\nMax-Forwards: 70\r\nFrom: <sip:a@%s>;tag=1\r\n"
          "To: <sip:%s>\r\nCall-ID: package@%s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
          % (sys.argv[1], me, me, sys.argv[1], me)).encode(), (sys.argv[1], 5060))
sys.exit(not s.recv(4096).startswith(b"SIP/2.0 200 "))
PY
}

# A call to the echo from the peer of the installed configuration.
call_answered() {
    (cd "$folder" && sipp -sn uac -i 127.0.0.2 -p 5060 -s 9196 -m 1 -d 100 -timeout 20s -timeout_error -nostdin \
        "$address:5060") >"$folder/sipp.log" 2>&1 || die "a call to 9196 was not answered"
}
calls_shown() { [ "$(inside_as confab confabctl calls | grep -c ' 9196 ')" -eq "$1" ]; }

# completed WORD...: what bash offers for the last of them.
completed() {
    # shellcheck disable=SC2016 # the inner bash's
    bash -c 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _confabctl; echo "${COMPREPLY[*]}"' \
        "$root/usr/share/bash-completion/completions/confabctl" "$@"
}

installs() {
    systemd_pretend
    as_root cp "$deb" "$doc" "$newer" "$root/tmp/"
    apt_inside install "/tmp/${deb##*/}" "/tmp/${doc##*/}" >"$folder/install.log" 2>&1 || {
        cat "$folder/install.log"
        die "the package cannot be installed"
    }
    ! asked_systemd '(re)?start' || die "it is started before it has a database"
    for path in /var/lib/confab /var/lib/confab/spool /var/lib/confab/recordings /var/cache/confab; do
        has $path confab:confab:750
    done
    has /etc/confab/confab.conf root:confab:640
    for path in /usr/share/man/man8/confabd.8.gz /usr/share/man/man1/confabctl.1.gz /usr/share/man/man5/confab.conf.5.gz \
        /usr/share/bash-completion/completions/confabctl /usr/share/doc/confab/README.md /usr/share/doc/confab/README.Debian \
        /usr/share/doc/confab/examples/confab.conf /usr/share/doc/confab/docs/voicemail.md /usr/share/confab/voices/fr.grammar; do
        has $path root:root:644
    done
    [ "$(completed confabctl tr) $(completed confabctl --json calls --si)" = "trace --since" ] || die "bash completes nothing"
    inside_as confab confabd --check >/dev/null || die "the configuration that is installed has faults"
}

# The unit's own words, judged by systemd.
unit_good() {
    systemd-analyze verify --recursive-errors=no --man=no --root="$root" confabd.service || die "the unit has faults"
    systemd-analyze security --offline=true --threshold=25 --no-pager --root="$root" confabd.service >"$folder/security.log" ||
        { cat "$folder/security.log" && die "the unit is open to too much"; }
}

# As README.Debian says.
starts() {
    local line
    postgres start -o "-c listen_addresses='' -c port=5432 -c fsync=off" || die "PostgreSQL does not start"
    grep -o 'postgres create.*' "$tree/debian/README.Debian" >"$folder/commands"
    while read -r _ line; do
        # shellcheck disable=SC2086 # a command and its arguments
        inside_as postgres $line </dev/null || die "\"$line\" failed"
    done <"$folder/commands"
    as_root sed -i -e "s/127\.0\.0\.1:5060/$address:5060/" -e "/^http {/,/^}/s/# address = .*/address = \"$address\"/" \
        "$root/etc/confab/confab.conf"
    confabd_start
    options_answered || die "OPTIONS is not answered"
    call_answered
    wait_for "the call's record" calls_shown 1
    inside_as confab sh -c 'echo sound >/var/lib/confab/recordings/kept.flac'
}

upgrades() {
    local before
    before=$(sum)
    apt_inside install "/tmp/${newer##*/}" >"$folder/upgrade.log" 2>&1 || {
        cat "$folder/upgrade.log"
        die "the package cannot be upgraded"
    }
    [ "$(sum)" = "$before" ] || die "the upgrade has changed configuration or data"
    inside test -e /etc/confab/confab.conf.dpkg-dist || die "the later version's own configuration is not beside the old one"
    has /etc/confab/confab.conf root:confab:640
    asked_systemd try-restart || die "a server that runs is not restarted by an upgrade"
    ! asked_systemd stop || die "an upgrade ends the server before it has the new one"
    confabd_stop
    confabd_start
    [ "$(query 'select count(*) from upgraded')" = 0 ] || die "the later version's migration was not applied"
    call_answered
    wait_for "both calls' records" calls_shown 2
    confabd_stop
}

# Nothing that people said is lost; a purge throws the configuration away.
goes() {
    apt_inside remove confab >"$folder/remove.log" 2>&1 || die "the package cannot be removed"
    asked_systemd stop || die "a server that runs is not stopped when its package is removed"
    gone /usr/sbin/confabd
    has /etc/confab/confab.conf root:confab:640
    has /var/lib/confab/recordings/kept.flac confab:confab:644
    apt_inside purge confab confab-doc >>"$folder/remove.log" 2>&1 || die "the package cannot be purged"
    gone /etc/confab
    gone /var/cache/confab
    gone /usr/share/doc/confab/docs
    has /var/lib/confab/recordings/kept.flac confab:confab:644
    [ "$(query 'select count(*) from call')" = 2 ] || die "the database has lost calls"
}

trap finish EXIT
rm -f "$folder"/*.log
packages_build
say "packages built"
if [ "${LINTIAN:-no}" = yes ]; then lintian_content; fi
package_newer
system_make
say "a small Debian stands"
installs
say "installed"
unit_good
starts
say "started; a call was answered"
upgrades
say "upgraded"
goes
say "removed and purged"
