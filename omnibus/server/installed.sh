# Links the ctl under both its names and says what to do next.
for name in opscode-push-jobs-server-ctl push-jobs-server-ctl; do
  ln -sfn /opt/opscode-push-jobs-server/bin/opscode-push-jobs-server-ctl "/usr/bin/$name"
done

if [ -e /etc/opscode-push-jobs-server/opscode-push-jobs-server-running.json ]; then
  cat <<'END'
You have upgraded the Push Jobs Server!

The service goes on with the version before until you run, as root:

    opscode-push-jobs-server-ctl reconfigure

What that would do to an old server's keys and database, and whether its
PostgreSQL is new enough (13 or newer), says beforehand:

    opscode-push-jobs-server-ctl upgrade --check

END
else
  cat <<'END'
Thank you for installing the Push Jobs Server!

Configure and start it, as root, with:

    opscode-push-jobs-server-ctl reconfigure

Where no Chef Server is on this machine, tell it first in
/etc/opscode-push-jobs-server/opscode-push-jobs-server.rb where one is.

END
fi
