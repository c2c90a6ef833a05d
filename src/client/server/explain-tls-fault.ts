import type { TlsSettings } from '../settings/client-settings.js';

/** Adds to a reason that is about a certificate what to do about it. */
export const explainTlsFault = (reason: string, { trustedDir, caFile }: TlsSettings): string => {
  if (/altnames/i.test(reason)) {
    return `${reason}; use the name in chef_server_url that the Chef Server's certificate is for`;
  }
  if (/expired|not yet valid/i.test(reason) && /cert/i.test(reason)) {
    return `${reason}; the Chef Server needs another certificate, or the clock of this machine is wrong`;
  }
  if (!/certificate|self.signed/i.test(reason)) return reason;
  const places = [trustedDir, caFile].filter((place) => place !== undefined).join(' or ');
  return `${reason}; if it is your Chef Server's own, put its certificate into ${places || 'trusted_certs_dir'}`;
};
