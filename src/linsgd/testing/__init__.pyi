from .feature_laws import FeatureLawCheck as FeatureLawCheck
from .feature_laws import check_feature_law as check_feature_law
from .strategies import data_sets as data_sets
from .strategies import problems as problems
from .strategies import sgds as sgds
from .strategies import spd_matrices as spd_matrices
