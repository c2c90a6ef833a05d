# Logs and state go. The settings stand in /etc/chef with those of other programs and stay.
rm -rf /var/lib/push-jobs-client /var/log/push-jobs-client
