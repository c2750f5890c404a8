#!/bin/sh
# The first state of a demo host's disk. Arguments: name, role, number.
#
# Deterministic: the same host has the same files on every machine. Runs again only after the disk
# was wiped. Paths and versions are those that the shipped runbooks speak of.
name=$1 role=$2 number=$3
. /opt/daytwo/lib
set -e

echo "$name" >/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >/etc/hosts
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n' >/etc/passwd
printf 'root:x:0:\nnogroup:x:65534:\n' >/etc/group
printf 'passwd: files\ngroup: files\nhosts: files\n' >/etc/nsswitch.conf
printf 'PRETTY_NAME="Daytwo demo host"\nNAME="Daytwo demo"\nID=daytwo-demo\nID_LIKE=debian\nVERSION_ID="12"\n' >/etc/os-release
echo "This is a demo host: real processes and files in a sandbox, services that pretend." >/etc/motd
mkdir -p /var/lib/demo "$units" /var/lib/app/uploads /var/backups/daytwo /var/log/nginx /var/tmp /var/spool /srv/app/releases

# Releases: three that work and one that does not.
for version in 2.3.0 2.3.1 2.4.0 2.4.1; do
  release=/srv/app/releases/$version
  mkdir -p "$release/bin"
  echo "$version" >"$release/VERSION"
  printf '#!/bin/sh\nexec sleep 86400\n' >"$release/bin/app"
  if [ "$version" = 2.4.1 ]; then
    : >"$release/BROKEN"
    printf '#!/bin/sh\necho "unhealthy: release %s cannot read the schema" >&2\nexit 1\n' "$version" >"$release/bin/healthcheck"
  else
    printf '#!/bin/sh\necho "healthy: release %s"\nexit 0\n' "$version" >"$release/bin/healthcheck"
  fi
  chmod 755 "$release/bin/app" "$release/bin/healthcheck"
done
ln -s /srv/app/releases/2.4.0 /srv/app/current
ln -s /srv/app/releases/2.3.1 /srv/app/previous
echo 2.4.0 >/var/lib/demo/version

# Data that is worth a back-up.
printf '{\n  "host": "%s",\n  "retention_days": 30\n}\n' "$name" >/var/lib/app/settings.json
item=0
while [ "$item" -lt 40 ]; do
  printf '%s,item-%s,%s\n' "$item" "$item" $((number * 100 + item))
  item=$((item + 1))
done >/var/lib/app/items.csv
for upload in invoice-1001 invoice-1002 invoice-1003; do
  printf '%s of %s\n' "$upload" "$name" >"/var/lib/app/uploads/$upload.txt"
done

own='ssh.service cron.service'
case $role in
web) own="$own nginx.service app.service" ;;
database) own="$own postgresql.service" ;;
inference)
  own="$own inference.service"
  mkdir -p /etc/inference
  printf 'model: demo-8b-instruct\nmax_model_len: 8192\nmax_tokens: 2048\nmax_num_seqs: 64\ngpu_memory_utilization: 0.90\n' >/etc/inference/config.yaml
  ;;
gateway)
  own="$own gateway.service"
  mkdir -p /etc/gateway /var/lib/gateway
  cat >/etc/gateway/config.yaml <<'YAML'
model_list:
  - model_name: chat-small
    litellm_params:
      model: openai/chat-small
      tpm: 60000
      rpm: 600
  - model_name: chat-large
    litellm_params:
      model: openai/chat-large
      tpm: 20000
      rpm: 120
router_settings:
  routing_strategy: usage-based-routing-v2
YAML
  cat >/var/lib/gateway/keys.json <<'JSON'
{
  "sk-demo-team-a": {"key_alias": "team-a", "tpm_limit": 600, "rpm_limit": 60},
  "sk-demo-team-b": {"key_alias": "team-b", "tpm_limit": 6000, "rpm_limit": 120},
  "sk-demo-batch": {"key_alias": "batch", "tpm_limit": null, "rpm_limit": null}
}
JSON
  ;;
esac
for unit in $own; do
  mkdir -p "$units/$unit"
  echo enabled >"$units/$unit/enabled"
  echo inactive >"$units/$unit/state"
  echo 0 >"$units/$unit/restarts"
  echo 0 >"$units/$unit/starts"
done
# One service that fails now and then: on this host every third start of the application does not work.
[ "$name" != web-iad-2 ] || echo 3 >"$units/app.service/fails_every"
: >"$journal"
: >/var/lib/demo/seeded
