#!/bin/sh
# Provides the commands of other projects that tests or benchmarks run. Usage: sh tools/debs.sh LIST DIRECTORY
# LIST has lines `command package   # why`. A command that the host has is used as it is. For the others the packages are
# downloaded with whatever they need that the host lacks, and unpacked below DIRECTORY: nothing is installed, no service
# is started, root is not needed. Commands are then in DIRECTORY/bin. A second call finds them there, without network.
# Where only root can come to DIRECTORY it becomes a link to a place that everybody can, since servers do not run as root.
set -eu

open_to_all() {
    above=$(cd "$1" && pwd -P)
    while [ "$above" != / ]; do
        case $(stat -c %A "$above") in *[xt]) above=$(dirname "$above") ;; *) return 1 ;; esac
    done
}

list=$1
mkdir -p "$(dirname "$2")"
if [ "$(id -u)" -eq 0 ] && [ ! -e "$2" ] && ! open_to_all "$(dirname "$2")"; then
    elsewhere=$(mktemp -d /var/tmp/hostkeeper-tools-XXXXXX)
    chmod 0755 "$elsewhere"
    ln -sfn "$elsewhere" "$2"
fi
mkdir -p "$2/bin" "$2/debs/partial" "$2/lists/partial" "$2/root"
directory=$(cd "$2" && pwd -P)
PATH="$directory/bin:$PATH:/usr/sbin:/sbin"
# Where Debian installs PostgreSQL's commands, which those who need them know.
for place in /usr/lib/postgresql/*/bin; do PATH="$PATH:$place"; done

wanted() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$list"; }

missing=$(wanted | while read -r command package; do
    command -v "$command" >/dev/null || echo "$command $package"
done)
if [ -z "$missing" ]; then
    echo "$list: all $(wanted | wc -l) commands are present"
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "$list: missing commands, and no apt-get to fetch them with:" >&2
    echo "$missing" >&2
    exit 1
fi

apt() {
    apt-get -qq -o Debug::NoLocking=1 -o Dir::State::lists="$directory/lists" -o Dir::Cache="$directory" \
        -o Dir::Cache::archives="$directory/debs" -o APT::Sandbox::User=root "$@"
}
echo "$list: fetching $(echo "$missing" | wc -l) of $(wanted | wc -l) commands into $directory"
apt update
# shellcheck disable=SC2046 # one word per package
apt install -y --download-only --no-install-recommends $(echo "$missing" | cut -d' ' -f2 | sort -u)
for deb in "$directory"/debs/*.deb; do
    dpkg-deb --extract "$deb" "$directory/root"
done

# What a command has to be told where its files are, when they are not where its package would have installed them.
placed() {
    case $1 in
    mariadbd | mariadb-install-db) printf -- '--basedir="%s"' "$directory/root/usr" ;;
    esac
}

libraries=$(find "$directory/root" -path '*/lib/*.so*' -printf '%h\n' | sort -u | paste -s -d:)
echo "$missing" | while read -r command package; do
    # Some commands are scripts that start a program of the same name from its place on an installed system.
    # PostgreSQL's commands are in a directory of their version, and scripts of their names choose one of several.
    for program in "$directory/root"/usr/lib/postgresql/*/bin/"$command" "$directory/root"/usr/lib/"$command/$command" \
        "$directory/root"/usr/bin/"$command" "$directory/root"/usr/sbin/"$command" \
        "$directory/root"/usr/lib/systemd/"$command" "$directory/root"/lib/systemd/"$command" \
        "$directory/root"/bin/"$command" "$directory/root"/sbin/"$command"; do
        [ -x "$program" ] || continue
        where=$(placed "$command")
        if [ -n "$where" ] || ldd "$program" 2>/dev/null | grep -q 'not found'; then
            printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@" %s\n' "$libraries" "$program" "$where" \
                >"$directory/bin/$command"
            chmod 0755 "$directory/bin/$command"
        else
            ln -sf "$program" "$directory/bin/$command"
        fi
        break
    done
    if [ ! -e "$directory/bin/$command" ]; then
        echo "$list: package $package has no command $command" >&2
        exit 1
    fi
done
