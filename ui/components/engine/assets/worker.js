/** The engine as a thread. */

import { serve } from "./serve.js";

serve(self);
