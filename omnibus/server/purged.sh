# Settings, data and logs go. What is in the Chef Server's secrets file and in PostgreSQL is not this machine's alone.
rm -rf /etc/opscode-push-jobs-server /var/opt/opscode-push-jobs-server /var/log/opscode-push-jobs-server
