"""Secret sharing without a last participant: any ``threshold`` holders recover a secret, fewer learn nothing at all.

``Dealer`` makes a share for whoever arrives, whenever it is; ``combine`` recovers the secret; ``Share`` writes and reads. After
arXiv 2402.01144. For files see `privlib.sharing.files` and `privlib.sharing.hybrid`, for wrong shares
`privlib.sharing.robust`.
"""

from privlib.sharing.dealer import Dealer
from privlib.sharing.operations import add, enroll, refresh
from privlib.sharing.recover import combine
from privlib.sharing.share import Share
from privlib.sharing.spec import Spec

__all__ = ["Dealer", "Share", "Spec", "add", "combine", "enroll", "refresh"]
