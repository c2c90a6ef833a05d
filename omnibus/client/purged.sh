# Removes logs and state. The settings in /etc/chef stay, because that folder belongs to other Chef programs too.
rm -rf /var/lib/push-jobs-client /var/log/push-jobs-client
