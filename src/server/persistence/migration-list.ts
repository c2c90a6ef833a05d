import { TakeOverOrCreate1784000000000 } from '../../../migrations/1784000000000-take-over-or-create.js';
import { MendTheOldTables1784000000001 } from '../../../migrations/1784000000001-mend-the-old-tables.js';
import { SurviveARestart1784000000002 } from '../../../migrations/1784000000002-survive-a-restart.js';
import { RememberNodes1784000000003 } from '../../../migrations/1784000000003-remember-nodes.js';
import { FindJobs1784000000004 } from '../../../migrations/1784000000004-find-jobs.js';
import { RememberRequests1784000000005 } from '../../../migrations/1784000000005-remember-requests.js';
import { FindPartsByTheirJob1784000000006 } from '../../../migrations/1784000000006-find-parts-by-their-job.js';
import { CurveKeysOfTheirNodes1784000000007 } from '../../../migrations/1784000000007-curve-keys-of-their-nodes.js';
import { RememberIntervals1784000000008 } from '../../../migrations/1784000000008-remember-intervals.js';
import { WhenNodesWereHeard1784000000009 } from '../../../migrations/1784000000009-when-nodes-were-heard.js';
import { KeepWhatSilentNodesReport1784000000010 } from '../../../migrations/1784000000010-keep-what-silent-nodes-report.js';
import { WhoOwnsAnOrganization1784000000011 } from '../../../migrations/1784000000011-who-owns-an-organization.js';

/** All migrations, oldest first. Add a new one at the end; never change one that was released. */
export const MIGRATIONS = [
  TakeOverOrCreate1784000000000,
  MendTheOldTables1784000000001,
  SurviveARestart1784000000002,
  RememberNodes1784000000003,
  FindJobs1784000000004,
  RememberRequests1784000000005,
  FindPartsByTheirJob1784000000006,
  CurveKeysOfTheirNodes1784000000007,
  RememberIntervals1784000000008,
  WhenNodesWereHeard1784000000009,
  KeepWhatSilentNodesReport1784000000010,
  WhoOwnsAnOrganization1784000000011,
];
