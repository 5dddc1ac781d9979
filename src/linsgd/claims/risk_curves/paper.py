"""Risk curves of SGD in high dimension: one folder for a dozen papers, cited claim by claim."""

from linsgd.claims.paper import Paper

risk_curves = Paper("risk_curves", citation="Derived in linsgd's documentation")

PHASES = (
    "E. Paquette, C. Paquette, L. Xiao, J. Pennington, 4+3 Phases of Compute-Optimal Neural "
    "Scaling Laws (2024), arXiv 2405.15074"
)
HOMOGENIZATION = (
    "C. Paquette, E. Paquette, B. Adlam, J. Pennington, Homogenization of SGD in high-dimensions "
    "(2022), arXiv 2205.07069"
)
SEESAW = (
    "A. Meterez, D. Morwani, J. Wu, C. Oncescu, C. Pehlevan, S. Kakade, Seesaw: Accelerating "
    "Training by Balancing Learning Rate and Batch Size Scheduling (2025), arXiv 2510.14717"
)
FUNCTIONAL = (
    "B. Li, F. Chen, Z. Huang, L. Wang, L. Wu, Functional Scaling Laws in Kernel Regression: Loss "
    "Dynamics and Learning Rate Schedules (2025), arXiv 2509.19189"
)
EXPONENTIAL = (
    "X. Li, Q. Gu, Understanding SGD with Exponential Moving Average: A Case Study in Linear "
    "Regression (2025), arXiv 2502.14123"
)
DATA = (
    "L. Lin, J. Wu, S. Kakade, P. Bartlett, J. Lee, Scaling Laws in Linear Regression: Compute, "
    "Parameters, and Data (2024), arXiv 2406.08466"
)
REUSE = (
    "L. Lin, J. Wu, P. Bartlett, Improved Scaling Laws in Linear Regression via Data Reuse (2025), "
    "arXiv 2506.08415"
)
