# Links the programs and prints the next steps. It does not restart a running client, which may run the job that upgrades it.
for name in push-jobs-client push-apply print_execution_environment; do
  ln -sfn "/opt/push-jobs-client/bin/$name" "/usr/bin/$name"
done

is_running=no
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if systemctl is-active --quiet push-jobs-client.service; then is_running=yes; fi
fi

if [ "$is_running" = yes ]; then
  cat <<'END'
You have upgraded the Push Jobs client!

The running client keeps the previous version until you restart it. Do that while it runs no job:

    systemctl restart push-jobs-client

END
else
  cat <<'END'
Thank you for installing the Push Jobs client!

Put its settings into /etc/chef/push-jobs-client.rb. As the client runs as root,
list the variables that jobs may set, for example with allowed_env ['APP_*'].
Then start it:

    systemctl enable --now push-jobs-client

or, with runit:

    cp -r /opt/push-jobs-client/runit /etc/sv/push-jobs-client
    ln -s /etc/sv/push-jobs-client /etc/service/push-jobs-client

END
fi
