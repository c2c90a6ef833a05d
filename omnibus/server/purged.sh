# Removes settings, data and logs, but not our data in Chef Server's secrets file and in PostgreSQL, which other machines may use.
rm -rf /etc/opscode-push-jobs-server /var/opt/opscode-push-jobs-server /var/log/opscode-push-jobs-server
