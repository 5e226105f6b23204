set -eu

usage() {
	cat <<'USAGE'
Usage: deploy.sh [--dry-run] [SERVICE_ID [VERSION]]

Puts the signatures into a version of a Fastly service. It does not activate it, and run again it changes nothing more.

SERVICE_ID  the service [default: $FASTLY_SERVICE_ID]
VERSION     a version that can be edited, or `latest`, which is cloned when it is active or locked [default: latest]
--dry-run   look at the service and print what would be run, change nothing

The token is the `fastly` command's own affair: its profile, or FASTLY_API_TOKEN in the environment.
USAGE
}

dry_run=
while [ $# -gt 0 ]; do
	case $1 in
	--dry-run) dry_run=yes ;;
	-h | --help)
		usage
		exit 0
		;;
	-*)
		usage >&2
		exit 2
		;;
	*) break ;;
	esac
	shift
done
if [ $# -gt 2 ]; then
	usage >&2
	exit 2
fi
service=${1:-${FASTLY_SERVICE_ID:-}}
version=${2:-latest}
if [ -z "$service" ]; then
	echo "deploy.sh: no service: give its id, or set FASTLY_SERVICE_ID" >&2
	exit 2
fi
CDPATH= cd -- "$(dirname -- "$0")"

# Prints a command that changes something, and runs it.
run() {
	printf '+'
	printf ' %s' "$@"
	printf '\n'
	if [ -z "$dry_run" ]; then "$@"; fi
}

# Whether the version has such a thing. Only "not found" says that it has not; after any other failure (the network, the
# token, a limit) nobody knows, and the script ends.
has() {
	if said=$(fastly service "$@" --service-id "$service" --version "$version" 2>&1); then return 0; fi
	case $said in
	*"404 Not Found"* | *"404 - Not Found"*) return 1 ;;
	esac
	printf '%s\n' "$said" >&2
	echo "deploy.sh: stopped: \`fastly service $*\` does not tell what the service has" >&2
	exit 1
}

# The command takes a text for a file's name only where there is such a file.
need() {
	if [ ! -r "$1" ]; then
		echo "deploy.sh: $1 is missing: build the output again" >&2
		exit 1
	fi
}

# put_snippet NAME TYPE PRIORITY FILE
put_snippet() {
	need "$4"
	verb=create
	if has vcl snippet describe --name "$1"; then verb=update; fi
	run fastly service vcl snippet "$verb" --service-id "$service" --version "$version" \
		--name "$1" --type "$2" --priority "$3" --content "$4"
}

# drop_snippet NAME: one that an earlier build had
drop_snippet() {
	if has vcl snippet describe --name "$1"; then
		run fastly service vcl snippet delete --service-id "$service" --version "$version" --name "$1"
	fi
}

# put_list KIND NAME FILE: an ACL or a dictionary with its first entries; what is there already stays as it is
put_list() {
	need "$3"
	if has "$1" describe --name "$2"; then
		echo "kept the $1 $2 and what is in it"
		return
	fi
	run fastly service "$1" create --service-id "$service" --version "$version" --name "$2"
	id=ID
	if [ -z "$dry_run" ]; then
		id=$(fastly service "$1" describe --service-id "$service" --version "$version" --name "$2" | sed -n 's/^ID: *//p')
		if [ -z "$id" ]; then
			echo "deploy.sh: the $1 $2 has no id" >&2
			exit 1
		fi
	fi
	run fastly service "$1-entry" update --service-id "$service" "--$1-id" "$id" --file "$3"
}
