#!/bin/sh
# Fails when debian/ does not agree with the rest: what quickstart installs for the build is what debian/control names, and
# the newest entry of debian/changelog is of the version in configure.ac.
cd "${srcdir:-$(dirname "$0")/..}" || exit 1
faults=0

fault() {
    echo "$1" >&2
    faults=$((faults + 1))
}

# build-essential and debhelper bring the first ones.
for package in $(sed -n '/^build_packages="/,/"$/p' quickstart | sed 's/^build_packages=//' | tr -d '"'); do
    case $package in
    gcc | libc6-dev | make | autoconf | automake) continue ;;
    esac
    sed -n '/^Build-Depends:/,/^$/p' debian/control | grep -qE "^ $package( [(][^)]*[)])?,?$" ||
        fault "debian/control does not name $package, which quickstart installs for the build"
done
version=$(sed -n 's/^AC_INIT(\[confab\], \[\(.*\)\])$/\1/p' configure.ac)
[ "$(sed -n '1s/^confab (\(.*\)) .*/\1/p' debian/changelog)" = "$version" ] ||
    fault "debian/changelog does not begin with version $version"
[ "$faults" -eq 0 ]
