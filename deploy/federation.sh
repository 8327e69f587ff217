# A federation on one machine: its certificates, configuration, servers and
# registry. Sourced by deploy/demo after deploy/lib.sh.
#
# Reads DIR (where all of it goes), BIN (the programs), PKI, PROFILES, REGISTRY,
# FEDERATION, PORT_BASE, STATES (an array) and calls `agency_of STATE`.
# shellcheck shell=bash disable=SC2154

# Each member's server has an address of its own: a certificate that is good for
# one is good for no other.
HUB_ADDRESS=127.0.0.1
# address_of NUMBER: that of the node of a state, by the state's place in STATES.
address_of() { printf '127.0.0.%s' $(($1 + 2)); }

lower() { printf '%s' "${1,,}"; }
gaceta() { "$BIN/gaceta" --config "$PROFILES" "$@"; }

# --- Certificates and configuration -----------------------------------------------

make_certificates() {
  say "making the certificates of $FEDERATION in $PKI"
  local i state member agency address members=()
  # No $(…) inside the parentheses of an array assignment: a signal's trap that
  # runs there ends bash 5.2 with a syntax error, code 2.
  for i in "${!STATES[@]}"; do
    state=${STATES[i]}
    member=$(lower "$state") agency=$(agency_of "$state") address=$(address_of "$i")
    members+=("$member:$agency:$address")
  done
  GACETA_BIN_DIR=$BIN "$SOURCE_DIR/certs/make-federation" "$PKI" "$FEDERATION" \
    --hub-address "$HUB_ADDRESS" "${members[@]}" >"$DIR/log/pki.log"
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

# write_profile NAME SERVER SERVER_ID MEMBER LEAF: an entry of the profile file.
write_profile() {
  cat >>"$PROFILES" <<EOF
profiles {
  name: "$1"
  server: "$2"
  server_id: "spiffe://$3"
  certificate_file: "$PKI/$4/$5.pem"
  key_file: "$PKI/$4/$5.key"
  root_file: "$PKI/root.pem"
}
EOF
}

write_configuration() {
  local hub_id=secretariat.$FEDERATION/hub hub=$HUB_ADDRESS:$PORT_BASE i state member node
  {
    printf 'federation: "%s"\nlisten: "%s"\n' "$FEDERATION" "$hub"
    printf 'data_folder: "%s"\n' "$DIR/hub"
    write_tls secretariat hub
  } >"$DIR/config/hub.textproto"
  write_profile secretariat "$hub" "$hub_id" secretariat admin-demo
  for i in "${!STATES[@]}"; do
    state=${STATES[i]}
    member=$(lower "$state")
    node=$(address_of "$i"):$((PORT_BASE + i + 1))
    {
      printf 'state: "%s"\nfederation: "%s"\n' "$state" "$FEDERATION"
      printf 'listen: "%s"\nhub: "%s"\n' "$node" "$hub"
      printf 'data_folder: "%s"\n' "$DIR/$member"
      printf 'signer_key_file: "%s"\n' "$PKI/$member/signer.key"
      write_tls "$member" node
    } >"$DIR/config/$member.textproto"
    write_profile "$member-agency" "$node" "$member.$FEDERATION/node" "$member" "agency-$(agency_of "$state")"
    write_profile "$member-monitor" "$node" "$member.$FEDERATION/node" "$member" subscriber-monitor
    write_profile "$member-at-hub" "$hub" "$hub_id" "$member" subscriber-monitor
  done
}

# --- Servers ----------------------------------------------------------------------

# create PROGRAM NAME FLAG: makes a server's data folder, which a start never does.
create() {
  "$BIN/$1" --config "$DIR/config/$2.textproto" "$3" >>"$DIR/log/create.log" 2>&1 ||
    die "$1 $3 failed; see $DIR/log/create.log"
}

# start PROGRAM NAME: in a session of its own, so that Ctrl-C does not reach it.
start() {
  setsid "$BIN/$1" --config "$DIR/config/$2.textproto" >"$DIR/log/$2.log" 2>&1 </dev/null &
  echo $! >"$DIR/run/$2.pid"
  # Until the program runs, nothing shows that the process is ours to stop.
  while ! is_process_of $! "$DIR" && kill -0 $! 2>/dev/null; do :; done
}

# Whether a server says that it serves. Ends the demo if it is gone.
has_started() {
  if ! kill -0 "$(<"$DIR/run/$1.pid")" 2>/dev/null; then
    tail -n 20 "$DIR/log/$1.log" >&2
    die "$1 ended; all of its log is in $DIR/log/$1.log"
  fi
  grep -q ' started program=' "$DIR/log/$1.log"
}
# has_member STATE MEMBER: whether the registry at the state's node has it.
has_member() {
  local members
  members=$(gaceta --profile "$1-monitor" states 2>>"$DIR/log/wait.log") || return 1
  grep -q "^$2 " <<<"$members"
}
await() { wait_until 30 "$@" || die "$2 is not ready after 30 s; see $DIR/log/$2.log"; }

start_servers() {
  say "starting the hub and the nodes of ${STATES[*]}"
  local state
  # The hub first: a node that finds none waits before it tries again.
  create gaceta-hub hub --create-log
  start gaceta-hub hub
  await has_started hub
  for state in "${STATES[@]}"; do create gaceta-node "$(lower "$state")" --create-data; done
  for state in "${STATES[@]}"; do start gaceta-node "$(lower "$state")"; done
  for state in "${STATES[@]}"; do await has_started "$(lower "$state")"; done
}

publish_registry() {
  say "publishing the registry: members, witnesses, topics, corridors"
  local state member key=(--signer-key "$PKI/secretariat/signer.key") witnesses=()
  for state in "${STATES[@]}"; do
    member=$(lower "$state")
    witnesses+=(--witness "$DIR/$member/cosigner.key.pub")
  done
  member() {
    gaceta --profile secretariat registry member "$1" --members "$REGISTRY/members.json" \
      --ca "$PKI/$2/ca.pem" --signer "$PKI/$2/signer.pem" "${key[@]}"
  }
  {
    member OAS secretariat
    gaceta --profile secretariat registry policy --log-key "$DIR/hub/log.key.pub" \
      "${witnesses[@]}" --quorum $((${#STATES[@]} / 2 + 1)) "${key[@]}"
    gaceta --profile secretariat registry publish "${key[@]}" "$REGISTRY"/{topics,corridors}.json
    for state in "${STATES[@]}"; do member "$state" "$(lower "$state")"; done
  } >"$DIR/log/registry.log"
  # A node knows the last member when it has all of the registry.
  for state in "${STATES[@]}"; do
    await has_member "$(lower "$state")" "${STATES[-1]}"
  done
}
