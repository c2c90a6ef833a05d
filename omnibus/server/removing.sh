# Removes the service and the links. Settings, data and secrets stay.
if ! /opt/opscode-push-jobs-server/bin/opscode-push-jobs-server-ctl uninstall; then
  echo 'cannot remove the service of the Push Jobs Server; see above' >&2
fi
for name in opscode-push-jobs-server-ctl push-jobs-server-ctl; do
  if [ "$(readlink "/usr/bin/$name")" = /opt/opscode-push-jobs-server/bin/opscode-push-jobs-server-ctl ]; then
    rm "/usr/bin/$name"
  fi
done
