# Stops the service and removes the links. Settings, logs and state stay.
if [ -d /run/systemd/system ]; then
  systemctl disable --now push-jobs-client.service
elif [ -e /etc/service/push-jobs-client ]; then
  sv force-stop push-jobs-client
  rm /etc/service/push-jobs-client
fi
for name in push-jobs-client push-apply print_execution_environment; do
  if [ "$(readlink "/usr/bin/$name")" = "/opt/push-jobs-client/bin/$name" ]; then
    rm "/usr/bin/$name"
  fi
done
