# Removes the link.
if [ "$(readlink /usr/bin/push-jobs)" = /opt/push-jobs/bin/push-jobs ]; then
  rm /usr/bin/push-jobs
fi
