
£
	old.protoold.v1"3
Request
id (	Rid
limit (:10Rlimit"é
Answer
plain (Rplain$
with_default (:7RwithDefault#
level (2.old.v1.LevelRlevel8
level_default (2.old.v1.Level:HIGHRlevelDefault
raw (Rraw#
raw_default (:a!R
rawDefault
text (	Rtext
list (Rlist'
part	 (
2.old.v1.Answer.PartRpart
ratio
 (:1.5Rratio
Part
name (	Rname*dÈ*
Level
LOW
HIGH2-
Old&
Get.old.v1.Request.old.v1.Answer:"
note.old.v1.Answerd (	Rnote