from .record import PhaseSpaceRecord as PhaseSpaceRecord
from .record import RecordStatus as RecordStatus
from .record_file import read_record as read_record
from .recorder import PhaseSpaceRecorder as PhaseSpaceRecorder
