# Links ctl under both names and prints the next step.
for name in opscode-push-jobs-server-ctl push-jobs-server-ctl; do
  ln -sfn /opt/opscode-push-jobs-server/bin/opscode-push-jobs-server-ctl "/usr/bin/$name"
done

if [ -e /etc/opscode-push-jobs-server/opscode-push-jobs-server-running.json ]; then
  cat <<'END'
You have upgraded the Push Jobs Server!

The service runs the previous version until you run, as root:

    opscode-push-jobs-server-ctl reconfigure

To see in advance what this changes in an old server's keys and database,
and whether its PostgreSQL is new enough (13 or newer), run:

    opscode-push-jobs-server-ctl upgrade --check

END
else
  cat <<'END'
Thank you for installing the Push Jobs Server!

Configure and start it, as root, with:

    opscode-push-jobs-server-ctl reconfigure

If the Chef Server is on another machine, first set its address in
/etc/opscode-push-jobs-server/opscode-push-jobs-server.rb.

END
fi
