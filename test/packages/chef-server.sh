# Sets up the parts of a Chef Server that push jobs uses on a throw-away machine: settings, secrets, keys, PostgreSQL, runit
# and nginx. The programs are real and come from Debian's packages. There is no Chef Server API.
set -e
exec > /srv/chef-server.log 2>&1
useradd --system --no-create-home opscode

mkdir -p /etc/opscode
cat > /etc/opscode/chef-server-running.json <<'END'
{"private_chef": {
  "topology": "standalone",
  "postgresql": {"vip": "127.0.0.1", "port": 5432, "db_superuser": "opscode-pgsql"},
  "lb": {"api_fqdn": "chef.example.com"},
  "user": {"username": "opscode"},
  "nginx": {"dir": "/var/opt/opscode/nginx"},
  "opscode-erchef": {"vip": "127.0.0.1", "port": 8000}
}}
END
echo '{"postgresql": {"db_superuser_password": "open sesame"}}' > /etc/opscode/private-chef-secrets.json
openssl genrsa -out /etc/opscode/pivotal.pem 2048

programs=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
install -d -o postgres /srv/postgresql
printf 'open sesame' > /srv/password
runuser -u postgres -- "$programs/initdb" -D /srv/postgresql -U opscode-pgsql -A scram-sha-256 --pwfile=/srv/password
runuser -u postgres -- "$programs/pg_ctl" -D /srv/postgresql -l /srv/postgresql/log -w start \
  -o '-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off'

chef=/opt/opscode
mkdir -p $chef/service $chef/sv/nginx $chef/init $chef/embedded/bin $chef/embedded/sbin
for tool in sv svlogd chpst; do ln -s "$(command -v $tool)" $chef/embedded/bin/$tool; done
ln -s "$(command -v nginx)" $chef/embedded/sbin/nginx

nginx=/var/opt/opscode/nginx
mkdir -p $nginx/etc/addon.d
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=chef.example.com -keyout $nginx/key.pem -out $nginx/certificate.pem
cat > $nginx/etc/nginx.conf <<END
daemon off;
pid $nginx/nginx.pid;
error_log $nginx/error.log;
events { }
http {
  access_log off;
  include $nginx/etc/addon.d/*_upstreams.conf;
  server {
    listen 443 ssl;
    ssl_certificate $nginx/certificate.pem;
    ssl_certificate_key $nginx/key.pem;
    include $nginx/etc/addon.d/*_external.conf;
  }
}
END
cat > $chef/sv/nginx/run <<END
#!/bin/sh
exec $chef/embedded/sbin/nginx -c $nginx/etc/nginx.conf 2>&1
END
chmod +x $chef/sv/nginx/run
ln -s $chef/sv/nginx $chef/service/nginx
setsid runsvdir -P $chef/service > /srv/runsvdir.log 2>&1 < /dev/null &
