import { describe, expect, it } from 'vitest';
import { errorOfResponse } from '../../../../src/shared/api-client/api-error.js';

const URL = 'https://chef.example.com/organizations/acme/pushy/jobs';

describe('an unsuccessful response', () => {
  it('is a conflict with the text of the server if an idempotency key was used with another request', () => {
    const error = errorOfResponse(URL, 422, 'this Idempotency-Key came before with another body');
    expect(error).toMatchObject({ code: 'conflict', status: 422, isTransient: false });
    expect(error.message).toBe(`${URL}: this Idempotency-Key came before with another body (status 422)`);
  });

  it('counts as lost if it is the error of a proxy, not if the server gives a reason', () => {
    expect(errorOfResponse(URL, 502, '').isResponseLost).toBe(true);
    expect(errorOfResponse(URL, 504, '').isResponseLost).toBe(true);
    expect(errorOfResponse(URL, 502, 'Failed to connect to erchef').isResponseLost).toBe(false);
    expect(errorOfResponse(URL, 503, '').isResponseLost).toBe(false);
  });
});
