# A federation on one machine: its certificates, configuration, servers and
# registry. Sourced by deploy/demo after deploy/lib.sh.
#
# Reads DIR (where all of it goes), BIN (the programs), PKI, PROFILES, REGISTRY,
# FEDERATION, PORT_BASE, STATES (an array) and calls `agency_of STATE`.
# shellcheck shell=bash disable=SC2154

lower() { printf '%s' "${1,,}"; }
gaceta() { "$BIN/gaceta" --config "$PROFILES" "$@"; }

# --- Certificates and configuration -----------------------------------------------

make_certificates() {
  say "making the certificates of $FEDERATION in $PKI"
  local state name
  {
    "$BIN/gaceta" pki root "$PKI" --federation "$FEDERATION"
    "$BIN/gaceta" pki ca "$PKI" secretariat
    for name in hub signer admin/demo; do
      "$BIN/gaceta" pki leaf "$PKI" secretariat "$name"
    done
    for state in "${STATES[@]}"; do
      "$BIN/gaceta" pki ca "$PKI" "$(lower "$state")"
      for name in node signer "agency/$(agency_of "$state")" subscriber/monitor; do
        "$BIN/gaceta" pki leaf "$PKI" "$(lower "$state")" "$name"
      done
    done
  } >"$DIR/log/pki.log"
}

# write_tls MEMBER LEAF: who a server is, for its configuration.
write_tls() {
  cat <<EOF
tls {
  certificate_file: "$PKI/$1/$2.pem"
  key_file: "$PKI/$1/$2.key"
  root_file: "$PKI/root.pem"
}
EOF
}

# write_profile NAME PORT SERVER_ID MEMBER LEAF: an entry of the profile file.
write_profile() {
  cat >>"$PROFILES" <<EOF
profiles {
  name: "$1"
  server: "127.0.0.1:$2"
  server_id: "spiffe://$3"
  certificate_file: "$PKI/$4/$5.pem"
  key_file: "$PKI/$4/$5.key"
  root_file: "$PKI/root.pem"
}
EOF
}

write_configuration() {
  local hub=secretariat.$FEDERATION/hub port=$PORT_BASE state member
  {
    printf 'federation: "%s"\nlisten: "127.0.0.1:%s"\n' "$FEDERATION" "$port"
    printf 'data_folder: "%s"\n' "$DIR/hub"
    write_tls secretariat hub
  } >"$DIR/config/hub.textproto"
  write_profile secretariat "$port" "$hub" secretariat admin-demo
  for state in "${STATES[@]}"; do
    member=$(lower "$state")
    port=$((port + 1))
    {
      printf 'state: "%s"\nfederation: "%s"\n' "$state" "$FEDERATION"
      printf 'listen: "127.0.0.1:%s"\nhub: "127.0.0.1:%s"\n' "$port" "$PORT_BASE"
      printf 'data_folder: "%s"\n' "$DIR/$member"
      printf 'signer_key_file: "%s"\n' "$PKI/$member/signer.key"
      write_tls "$member" node
    } >"$DIR/config/$member.textproto"
    write_profile "$member-agency" "$port" "$member.$FEDERATION/node" "$member" "agency-$(agency_of "$state")"
    write_profile "$member-monitor" "$port" "$member.$FEDERATION/node" "$member" subscriber-monitor
    write_profile "$member-at-hub" "$PORT_BASE" "$hub" "$member" subscriber-monitor
  done
}

# --- Servers ----------------------------------------------------------------------

# start PROGRAM NAME: in a session of its own, so that Ctrl-C does not reach it.
start() {
  setsid "$BIN/$1" --config "$DIR/config/$2.textproto" >"$DIR/log/$2.log" 2>&1 </dev/null &
  echo $! >"$DIR/run/$2.pid"
}

# is_up NAME PROFILE MEMBER: whether the server answers, and its registry has the
# member, if one is named. Ends the demo if the server is gone.
is_up() {
  if is_gone "$(<"$DIR/run/$1.pid")" "$DIR"; then
    tail -n 20 "$DIR/log/$1.log" >&2
    die "$1 ended; all of its log is in $DIR/log/$1.log"
  fi
  local members
  members=$(gaceta --profile "$2" states list --all 2>>"$DIR/log/wait.log") || return 1
  [[ -z $3 ]] || grep -q "^$3 " <<<"$members"
}
await() { wait_until 30 is_up "$@" || die "$1 is not ready after 30 s; see $DIR/log/$1.log"; }

start_servers() {
  say "starting the hub and the nodes of ${STATES[*]}"
  local state
  start gaceta-hub hub
  for state in "${STATES[@]}"; do start gaceta-node "$(lower "$state")"; done
  await hub secretariat ''
}

publish_registry() {
  say "publishing the registry: members, topics, corridors"
  local state key=(--signer-key "$PKI/secretariat/signer.key")
  member() {
    gaceta --profile secretariat registry member "$1" --members "$REGISTRY/members.json" \
      --ca "$PKI/$2/ca.pem" --signer "$PKI/$2/signer.pem" "${key[@]}"
  }
  {
    member OAS secretariat
    gaceta --profile secretariat registry publish "${key[@]}" "$REGISTRY"/{topics,corridors}.json
    for state in "${STATES[@]}"; do member "$state" "$(lower "$state")"; done
  } >"$DIR/log/registry.log"
  # A node knows the last member when it has all of the registry.
  for state in "${STATES[@]}"; do
    await "$(lower "$state")" "$(lower "$state")-monitor" "${STATES[-1]}"
  done
}
