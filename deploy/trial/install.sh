# Steps 1: packages, build, system users.
# shellcheck shell=bash

missing_packages() {
	local name
	sed 's/#.*//' "$SOURCE/deploy/packages.txt" | while read -r name _; do
		[ -z "$name" ] || dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || echo "$name"
	done
}

install_packages() {
	local missing
	missing=$(missing_packages)
	if [ -z "$missing" ]; then
		OUTCOME="all there"
		return
	fi
	export DEBIAN_FRONTEND=noninteractive
	# Debian would start a cluster and servers of its own; the trial starts exactly what it needs.
	mkdir -p /etc/postgresql-common/createcluster.d
	echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/chancery.conf
	apt-get update -q
	# shellcheck disable=SC2086
	RUNLEVEL=1 apt-get install -q -y --no-install-recommends $missing
	OUTCOME="installed $(echo "$missing" | wc -w)"
}

build_programs() {
	local options=(--prefix="$PREFIX" --buildtype=release -Dtests=disabled)
	if [ -d "$BUILD" ]; then
		meson setup --reconfigure "$BUILD" "$SOURCE" "${options[@]}"
	else
		meson setup "$BUILD" "$SOURCE" "${options[@]}"
	fi
	ninja -C "$BUILD"
	meson install -C "$BUILD" --no-rebuild
	OUTCOME="installed in $PREFIX"
}

make_users() {
	local made=0
	if ! getent group chancery >/dev/null; then
		groupadd --system chancery
		touch "$STATE/group-made"
	fi
	# Every program writes its pid file there.
	chown root:chancery "$RUN"
	chmod 3775 "$RUN"
	for u in $PROGRAM_USERS; do
		getent passwd "chancery-$u" >/dev/null && continue
		useradd --system --user-group --groups chancery --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "chancery-$u"
		echo "chancery-$u" >>"$STATE/users-made"
		made=$((made + 1))
	done
	[ $made -gt 0 ] || OUTCOME="all there"
}
