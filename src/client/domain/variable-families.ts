/** Variables that programs of one kind read, and what a job could do with them. In names, `*` stands for any text. */
export interface VariableFamily {
  readonly names: string;
  readonly reason: string;
}

/**
 * The variables that a job must not set without the administrator's permission: they belong to programs, and could make
 * a whitelisted command run other code, read or write other files, or trust other servers. A family is a whole prefix
 * where programs use one, because new versions read new names. Jobs can use all other names for their own data.
 */
export const VARIABLE_FAMILIES: readonly VariableFamily[] = [
  {
    names:
      'LD_* LDR_* DYLD_* LIBPATH SHLIB_PATH GLIBC_* MALLOC_* GCONV_PATH GETCONF_DIR LOCPATH SOTRUSS_* LTDL_*',
    reason: 'the dynamic loader and the C library load code from these paths',
  },
  {
    names:
      'NLSPATH LANGUAGE TEXTDOMAIN* OUTPUT_CHARSET TZDIR HOSTALIASES LOCALDOMAIN RES_* RESOLV_* NIS_* NSS_*',
    reason: 'the C library reads messages (with formats), time zones and names of hosts from there',
  },
  {
    names:
      'GMON_* PCPROFILE_* SEGFAULT_* MEMUSAGE_* GCOV_* LLVM_* VALGRIND_* HEAPPROFILE* HEAPCHECK* HEAP_* CPUPROFILE* LTTNG_*',
    reason: 'profilers and sanitizers write files',
  },
  {
    names:
      'PATH IFS ENV BASH* SHELL* PS0 PS1 PS2 PS3 PS4 PROMPT_* CDPATH EXECIGNORE GLOBIGNORE OPTIND POSIXLY_* _',
    reason: 'shells find commands, split words and run code by them',
  },
  {
    names:
      'HISTFILE* HISTSIZE HISTCONTROL HISTIGNORE HISTTIMEFORMAT FPATH FCEDIT ZDOTDIR ZSH* KSH* INPUTRC READLINE_* TMOUT MAILPATH MAILCHECK',
    reason: 'shells read and write files by them',
  },
  {
    names: 'HOME USER USERNAME LOGNAME XDG_* TMPDIR TMP TEMP TEMPDIR TMPPREFIX *_HOME PWD OLDPWD',
    reason: 'programs find their settings, plug-ins and temporary files below these folders',
  },
  {
    names: 'EDITOR *_EDITOR VISUAL PAGER *_PAGER BROWSER *_BROWSER *ASKPASS* *_RSH',
    reason: 'programs start the command in the variable',
  },
  {
    names:
      'LESS* MORE MOST_* MANPATH MANPAGER MANLESS SYSTEM LPATH MANROFF* MANSECT MANOPT MAN_* GROFF_* TROFF* PRINTER LPDEST VIM* MYVIMRC EXINIT GVIM* NVIM_* EMACS* NANO* DIFF*',
    reason: 'pagers, editors and formatters run commands and load code by them',
  },
  {
    names:
      'TERMINFO* TERMCAP TERMPATH DISPLAY XAUTHORITY WAYLAND_* SCREENRC SCREENDIR SYSSCREENRC TMUX* XLOCALEDIR XCURSOR_*',
    reason: 'terminal libraries and displays: files and servers',
  },
  {
    names: '*OPTS *OPTIONS *FLAGS',
    reason: 'tools add these options to their own, and options name commands and files',
  },
  {
    names: 'NODE NODE_* npm_* NPM_* YARN_* PNPM_* COREPACK_* BUN_* DENO_* NVM_* V8_*',
    reason: 'Node.js and its package managers load code, write reports and start commands',
  },
  {
    names:
      'PYTHON* _PYTHON* __PYVENV* PIP_* PIPENV_* PIPX_* POETRY_* UV_* PYENV* VIRTUAL_ENV* CONDA* SETUPTOOLS_* TOX_* JUPYTER*',
    reason: 'Python and its package managers load code',
  },
  {
    names: 'RUBY* RBENV* GEM_* GEMRC BUNDLE_* BUNDLER_* RAKE* IRB* RAILS_* RACK_*',
    reason: 'Ruby and its package managers load code',
  },
  { names: 'PERL* PERL5* PERLIO_* HARNESS_* PAR_* LOCAL_LIB_*', reason: 'Perl loads code' },
  {
    names:
      'JAVA* _JAVA* JDK_* JRE_* CLASSPATH MAVEN_* M2 M2_* MVN_* GRADLE_* ANT_* SBT_* SCALA* KOTLIN* GROOVY_* CATALINA_* IBM_JAVA*',
    reason: 'Java and its build tools load code and agents',
  },
  {
    names:
      'PHP* PHPRC COMPOSER_* LUA* TCL* TK_* GUILE* R_* JULIA_* ERL_* ELIXIR_* MIX_* HEX_* REBAR* OCAML* CAML* GHC* SBCL_* OCTAVE_* AWK* GAWK* SWI_*',
    reason: 'other interpreters load code',
  },
  {
    names:
      'GO* CGO_* RUST* CARGO_* DOTNET_* CORECLR_* COR_* COMPlus_* COMPLUS_* NUGET_* MSBUILD* MONO_* SWIFT*',
    reason: 'compilers and run times load code and start tools',
  },
  {
    names:
      'MAKE* CC CXX CPP FC AR AS LD LDEMULATION NM STRIP RANLIB PREFIX DESTDIR GPATH BINUTILS_* GCC_* COLLECT_* COMPILER_PATH LIBRARY_PATH CPATH *_INCLUDE_PATH DEPENDENCIES_OUTPUT SUNPRO_* PKG_CONFIG* ACLOCAL* AUTOM* AUTOC* AUTOH* AUTOR* AUTOPOINT M4* CMAKE_* CTEST_* NINJA_* CCACHE_* DISTCC_* LIBTOOL* QUILT_* PATCH_GET BC_ENV_ARGS CMD_ENV',
    reason: 'build tools start these commands, and write and load files',
  },
  {
    names:
      'APT_* DPKG_* DEB_* DEBIAN_* DEBCONF_* DEBHELPER* DEBUGINFOD_* UCF_* NEEDRESTART_* RPM* YUM* DNF* ZYPP* PKG_* BREW_* HOMEBREW_* SNAP SNAP_* FLATPAK_* OSTREE_* FAKEROOT* LINTIAN_*',
    reason: 'package managers read settings with commands in them; debconf evaluates DEBIAN_FRONTEND',
  },
  {
    names:
      'SSL* OPENSSL_* GNUTLS_* P11_* PKCS11_* *CA_BUNDLE *CAFILE *CAPATH *_CACERT* KRB5* GSS* SASL_* LDAP* SOFTHSM* CTLOG_* QLOG*',
    reason: 'TLS and login libraries load modules, write keys and trust the certificates in these files',
  },
  {
    names:
      '*_proxy *_PROXY CURL_* WGET* SYSTEM_WGETRC HTTPLIB2_* NIX_* FTP_* NETRC REQUESTS_* HTTPX_* GRPC_* LIBPROXY_* HTTP_HOME WWW_* ARIA2*',
    reason: 'HTTP libraries send requests and passwords elsewhere',
  },
  {
    names: 'GIT_* GITWEB* GITHUB_* GH_* SSH_* SVN_* HG* CVS* BZR* P4* RSYNC_* DARCS_* FOSSIL_*',
    reason: 'version control and remote shells start commands and write traces',
  },
  {
    names:
      'DOCKER_* BUILDKIT_* BUILDX_* COMPOSE_* CONTAINERS_* CONTAINER_HOST CONTAINERD_* PODMAN_* KUBE* HELM_* CRI_* AWS_* BOTO* AZURE_* ARM_* GOOGLE_* GCLOUD_* CLOUDSDK_* TF_* VAULT_* CONSUL_* NOMAD_* ANSIBLE_* PACKER_* VAGRANT_* SALT_* PUPPET_* FACTER*',
    reason:
      'cloud and infrastructure tools read settings with commands in them, and connect to other servers',
  },
  { names: 'KNIFE_* INSPEC_* HAB_* OHAI_* BERKSHELF_*', reason: 'tools around Chef load settings and code' },
  {
    names: 'PG* PSQL* MYSQL* LIBMYSQL_* MARIADB_* SQLITE_* ORACLE_* TNS_* ODBC*',
    reason: 'database clients load engines and settings, and connect to other servers',
  },
  {
    names: 'GNUPG* GPG* PINENTRY_* PASSWORD_STORE_*',
    reason: 'GnuPG finds keys, settings and programs by them',
  },
  {
    names:
      'SYSTEMD_* SYSTEMCTL_* DBUS_* LIBMOUNT_* BABELTRACE_* LISTEN_* NOTIFY_SOCKET UDEV* LVM_* DM_* LIBVIRT_* SUDO_* CREDENTIALS_* WATCHDOG_* STRACE* GDB*',
    reason: 'system services: other sockets, settings and commands',
  },
  {
    names:
      'ICU_* G_* GIO_* GI_* GTK* GDK_* GST_* GSETTINGS_* GCONF_* QT* QML* KDE* LIBGL* MESA* VK_* EGL_* CUDA_* OCL_* HDF5_* ALSA_* PULSE_* FONTCONFIG_* PANGO_* MAGIC MAGICK_* GS_* XML* SGML_* TEXMF* TEXINPUTS BIBINPUTS BSTINPUTS MIB* SNMP* GEOIP*',
    reason: 'libraries load modules, catalogues and settings from there',
  },
  {
    names: 'GZIP BZIP BZIP2 XZ_* ZIP* UNZIP* ZSTD_* LZOP LZMA* TAR_* TAPE CPIO_* RAR',
    reason: 'archivers read options from there, which name commands and files',
  },
  {
    names: 'GREP EGREP FGREP SED CMP DIFF TAR CPMOD ZCAT ZSTD SFTP GPG SANE_SH SVDIR LSB_OS_RELEASE',
    reason: 'shell scripts of Debian start these instead of their usual commands',
  },
  { names: 'MAIL MAILRC MAILCAP* NMH* MH* MUTT* DEAD SENDMAIL*', reason: 'mail programs start commands' },
  {
    names:
      'PATHEXT COMSPEC PSModulePath SYSTEMROOT SYSTEMDRIVE WINDIR PROGRAMFILES* PROGRAMW6432 PROGRAMDATA COMMONPROGRAM* ALLUSERSPROFILE APPDATA LOCALAPPDATA USERPROFILE HOMEDRIVE HOMEPATH __PS* PSLOCK*',
    reason: 'Windows and PowerShell find programs and settings by them',
  },
];
